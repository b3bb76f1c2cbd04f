package lockouttest

import (
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis/internal/lockout"
)

// TestPropertyOfTransitions sends random commands to a store: transitions of several
// users, known and unknown, under a maximum that moves and while time passes,
// each of them in time, late or twice. The store's answers, and what it holds,
// must be those of the transitions' own Apply. What fails is made as short as it
// can be. Open returns the store of a sequence, which may be the same each time.
// Of the sequences that rapid is asked for, so many per cent are tried.
func TestPropertyOfTransitions(t *testing.T, open func() AttemptsFixture, percent int) {
	checks, done := share(t, percent), counts{}
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, open(), done)
		t.Repeat(m.commands())
		m.look()
	})
	t.Logf("%d sequences, %d transitions:\n%s", checks, done.sum(), done)
	if applied := done.ending(string(lockout.Applied)); applied < done.sum()/10 {
		t.Errorf("%d of %d transitions were applied: too few to say anything", applied, done.sum())
	}
}

// A machine sends commands for a few users.
type machine struct {
	t        *rapid.T
	subjects []*subject
	maximum  int
	done     counts // transitions, by kind and outcome
}

// A subject is a user of a machine.
type subject struct {
	*walk
	unknown bool
	made    []lockout.Transition // in the order in which they were made, sent or not
}

// lastMade is how many of the transitions that were made may still arrive.
const lastMade = 12

// newMachine has two users whose names differ in case, one of the same name at
// another client, and one whom nobody knows.
func newMachine(t *rapid.T, f AttemptsFixture, done counts) *machine {
	ana, neighbour := newWalk(t, f), newWalk(t, f)
	return &machine{t: t, maximum: 2, done: done, subjects: []*subject{
		{walk: ana}, {walk: ana.another("Ana.Silva")}, {walk: ana.another("nobody"), unknown: true}, {walk: neighbour},
	}}
}

func (m *machine) commands() map[string]func(*rapid.T) {
	commands := map[string]func(*rapid.T){
		"wrong login":     m.wrongLogin,
		"hold back":       m.holdBack,
		"late or twice":   m.deliver,
		"all die":         func(t *rapid.T) { later(m.draw(t).walk) },
		"somebody looks":  func(t *rapid.T) { look(m.draw(t).walk) },
		"maximum changes": func(t *rapid.T) { m.maximum = drawMaximum(t) },
		"known or not":    func(t *rapid.T) { s := m.draw(t); s.unknown = !s.unknown },
		"look":            func(*rapid.T) { m.look() },
	}
	for kind, draw := range m.kinds() {
		commands[kind] = func(t *rapid.T) {
			s := m.draw(t)
			m.send(s, s.prepare(draw(t, s)))
		}
	}
	return commands
}

// kinds are the transitions there are, each as the step that makes it.
func (m *machine) kinds() map[string]func(*rapid.T, *subject) step {
	return map[string]func(*rapid.T, *subject) step{
		"charge": func(t *rapid.T, _ *subject) step {
			return charge(rapid.SampledFrom(attemptIDs).Draw(t, "attempt"), m.maximum)
		},
		"fail":    func(t *rapid.T, s *subject) step { return s.drawFail(t, s.drawAttempt(t), m.maximum) },
		"succeed": func(t *rapid.T, s *subject) step { return succeed(s.drawAttempt(t)) },
		"refund":  func(t *rapid.T, s *subject) step { return s.ofThem(refund(s.drawAttempt(t))) },
		"reclaim": func(t *rapid.T, s *subject) step {
			return drawStep(t, map[string]step{
				"of now": reclaim(), "at the lifetime": reclaimAtLifetime(), "of the charge": reclaimFirst(s.drawAttempt(t)),
			})
		},
		"unlock": func(t *rapid.T, _ *subject) step {
			return drawStep(t, map[string]step{"of now": unlock(), "of the last look": unlockSeen()})
		},
	}
}

// attemptIDs are few, so that attempts meet copies of themselves.
var attemptIDs = []string{"a", "b", "c", "d", "e", "f"}

// drawMaximum draws a small one more often: it is reached by fewer commands.
func drawMaximum(t *rapid.T) int {
	return rapid.SampledFrom([]int{1, 2, 2, 3, 3, 4, 5, lockout.MaxMaximum}).Draw(t, "maximum")
}

func (m *machine) draw(t *rapid.T) *subject {
	return m.subjects[rapid.IntRange(0, len(m.subjects)-1).Draw(t, "user")]
}

// inFlightWeight is how much more often an attempt is drawn that is in flight.
const inFlightWeight = 6

// drawAttempt draws an attempt, rather one that is in flight.
func (s *subject) drawAttempt(t *rapid.T) string {
	alive := slices.Repeat(s.record.InFlight, inFlightWeight)
	return rapid.SampledFrom(slices.Concat(alive, attemptIDs)).Draw(t, "attempt")
}

// drawFail draws how much a failure knows of the record.
func (s *subject) drawFail(t *rapid.T, id string, maximum int) step {
	return s.ofThem(drawStep(t, map[string]step{
		"of now": fail(id, maximum), "of the charge": asCharged(fail(id, maximum)), "of nothing": blind(fail(id, maximum)),
	}))
}

// drawStep draws a step by what its maker has seen of the record.
func drawStep(t *rapid.T, bySeen map[string]step) step {
	return bySeen[rapid.SampledFrom(slices.Sorted(maps.Keys(bySeen))).Draw(t, "seen")]
}

// ofThem makes a failure or a refund that of an unknown user, if this is one.
func (s *subject) ofThem(made step) step {
	if s.unknown {
		return unknown(made)
	}
	return made
}

// prepare makes a transition, which may be sent now, later, both or never.
func (s *subject) prepare(draw step) lockout.Transition {
	s.now = s.now.Add(time.Second)
	made := draw(s.walk)
	s.made = append(s.made, made)
	return made
}

// send sends a transition and counts it.
func (m *machine) send(s *subject, made lockout.Transition) {
	due := s.send(made)
	m.t.Logf("%s: %s: %+v", s.key, due.Outcome, made)
	m.done[kindOf(made, due)]++
}

// wrongLogin charges an attempt and lets it fail, so that locks are frequent.
func (m *machine) wrongLogin(t *rapid.T) {
	s := m.draw(t)
	id := rapid.SampledFrom(attemptIDs).Draw(t, "attempt")
	m.send(s, s.prepare(charge(id, m.maximum)))
	m.send(s, s.prepare(s.drawFail(t, id, m.maximum)))
}

// holdBack makes a transition of any kind and does not send it.
func (m *machine) holdBack(t *rapid.T) {
	s, kinds := m.draw(t), m.kinds()
	kind := rapid.SampledFrom(slices.Sorted(maps.Keys(kinds))).Draw(t, "kind")
	s.prepare(kinds[kind](t, s))
}

// deliver sends what was made earlier: late, if it was held back, and else once
// more.
func (m *machine) deliver(t *rapid.T) {
	s := m.draw(t)
	if len(s.made) == 0 {
		t.Skip("nothing is on its way")
	}
	m.send(s, rapid.SampledFrom(s.made[max(0, len(s.made)-lastMade):]).Draw(t, "transition"))
}

// look compares all that is stored.
func (m *machine) look() {
	locked := map[string][]string{}
	trails := map[string][]lockout.Event{}
	for _, s := range m.subjects {
		s.checkRecord()
		client := s.key.Client()
		trails[client] = *s.events
		if s.record.Locked() && s.record.ExpiresAt.IsZero() {
			locked[client] = append(locked[client], s.key.Username())
		}
	}
	f := m.subjects[0].fixture
	for client, events := range trails {
		compareTrail(m.t, f, client, events)
		got, more, err := f.Attempts.Locked(m.t.Context(), client, "", everybody)
		if err != nil || more {
			m.t.Fatalf("locked users: more %v, error %v", more, err)
		}
		slices.Sort(locked[client])
		if diff := gocmp.Diff(got, locked[client], asStored); diff != "" {
			m.t.Errorf("locked users (-got +want):\n%s", diff)
		}
	}
}
