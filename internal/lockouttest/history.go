package lockouttest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"portcullis/internal/lockout"
)

// The size of a history: clients that make their calls at once, each about any
// of the users. It is small enough to be searched in a moment, and large enough
// that each user's calls overlap.
const (
	historyClients = 8
	historyUsers   = 2
	historyCalls   = 25 // of each client
)

// A History is what concurrent clients asked a store and were answered, with
// the order of the calls and the answers.
type History struct{ operations []porcupine.Operation }

// count counts the calls by what was asked and answered, and the deliveries
// without an answer that may have changed something.
func (h History) count(seen counts) {
	for _, o := range h.operations {
		switch answer := o.Output.(type) {
		case lockout.Result:
			seen[kindOf(o.Input.(asked).transition, answer)]++
		case unanswered:
			seen["no answer"]++
		case tookEffect:
			seen["lost answer: applied"]++
		default:
			seen["Read"]++
		}
	}
}

// An asked is a call's question: a transition, or nil for a read.
type asked struct {
	key        lockout.Key
	transition lockout.Transition
}

// A timeline orders what happens in a history.
type timeline struct{ last atomic.Int64 }

func (l *timeline) now() int64 { return l.last.Add(1) }

// RecordHistory has clients make random transitions, a few of which are sent
// twice or late, and random reads. Some clients hang up in the middle of a call.
// An error that nothing explains fails the test.
func RecordHistory(t *testing.T, attempts lockout.Attempts) History {
	t.Helper()
	line, users := new(timeline), make([]lockout.Key, historyUsers)
	for i := range users {
		users[i] = lockout.NewKey("acme", "history-"+newID())
	}
	clients := make([]*client, historyClients)
	var wait sync.WaitGroup
	for i := range clients {
		clients[i] = newClient(t, attempts, line, i)
		wait.Go(func() {
			for range historyCalls {
				clients[i].act(users[clients[i].random.IntN(historyUsers)])
			}
		})
	}
	wait.Wait()
	for _, key := range users {
		clients[0].read(key) // what is left in the end
	}
	var all History
	for _, c := range clients {
		all.operations = append(all.operations, c.operations...)
	}
	return all
}

// A client makes one call after the other, and keeps them.
type client struct {
	t          *testing.T
	attempts   lockout.Attempts
	line       *timeline
	number     int
	random     *rand.Rand
	operations []porcupine.Operation
	of         map[lockout.Key]*acquaintance
}

// An acquaintance is what a client knows of a user.
type acquaintance struct {
	seen lockout.Record // as last answered
	open []charged      // attempts of the client that are not settled
	sent []lockout.Transition
}

// A charged is an attempt and the record as its charge left it.
type charged struct {
	id     string
	record lockout.Record
}

func newClient(t *testing.T, attempts lockout.Attempts, line *timeline, number int) *client {
	return &client{
		t: t, attempts: attempts, line: line, number: number,
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), of: map[lockout.Key]*acquaintance{},
	}
}

// act makes one call about a user.
func (c *client) act(key lockout.Key) {
	user := c.of[key]
	if user == nil {
		user = new(acquaintance)
		c.of[key] = user
	}
	if t := c.transition(key, user); t != nil {
		user.sent = append(user.sent, t)
		c.apply(key, user, t)
		return
	}
	if record, ok := c.read(key); ok {
		user.seen = record
	}
}

// transition makes the next transition, or returns nil for a read.
func (c *client) transition(key lockout.Key, user *acquaintance) lockout.Transition {
	switch dice := c.random.IntN(100); {
	case user.seen.Locked() && dice%2 == 0:
		return c.unlock(key, user)
	case dice < 45 && len(user.open) > 0:
		return c.settlement(key, user)
	case dice < 70:
		return lockout.Charge{AttemptID: newID(), Maximum: c.maximum(), At: c.now()}
	case dice < 80 && len(user.sent) > 0: // one that was sent before
		return user.sent[c.random.IntN(len(user.sent))]
	case dice < 84:
		return c.unlock(key, user)
	case dice < 87: // as if all that is in flight were dead
		return lockout.Reclaim{
			Generation: user.seen.Generation, ChargedAt: user.seen.ChargedAt, DeadBefore: user.seen.ChargedAt.Add(time.Millisecond),
		}
	}
	return nil
}

func (c *client) unlock(key lockout.Key, user *acquaintance) lockout.Transition {
	return lockout.Unlock{Seen: user.seen, Maximum: lockout.DefaultMaximum, Entry: lockout.Event{
		ID: newID(), Kind: lockout.EventUnlock, At: c.now(), Key: key, Actor: "acme/root",
	}}
}

// settlement settles one of the client's attempts, which it forgets.
func (c *client) settlement(key lockout.Key, user *acquaintance) lockout.Transition {
	i := c.random.IntN(len(user.open))
	a := user.open[i]
	user.open = slices.Delete(user.open, i, i+1)
	switch c.random.IntN(8) {
	case 0:
		return lockout.Succeed{AttemptID: a.id, Generation: a.record.Generation, Reclaims: a.record.Reclaims}
	case 1:
		return lockout.Refund{AttemptID: a.id, Generation: a.record.Generation}
	}
	at := c.now()
	return lockout.Fail{
		Generation: a.record.Generation, Reclaims: a.record.Reclaims, Maximum: c.maximum(),
		Evidence: lockout.Evidence{AttemptID: a.id, At: at, SourceIP: "192.0.2.7"},
		Lock:     lockout.Event{ID: newID(), Kind: lockout.EventLock, At: at, Key: key, Actor: lockout.ActorPortcullis},
		Seen:     []lockout.Record{{}, a.record, user.seen}[c.random.IntN(3)],
	}
}

func (c *client) maximum() int { return 2 + c.random.IntN(4) }

// now returns a time that no other call has.
func (c *client) now() time.Time {
	return walkStart.Add(time.Duration(c.line.now()) * time.Millisecond)
}

// apply sends a transition and keeps what was answered.
func (c *client) apply(key lockout.Key, user *acquaintance, t lockout.Transition) {
	result, ok := ask(c, asked{key, t}, func(ctx context.Context) (lockout.Result, error) {
		return c.attempts.Apply(ctx, key, t)
	})
	if !ok {
		return
	}
	user.seen = result.Record
	if charge, charges := t.(lockout.Charge); charges && result.Outcome == lockout.Applied {
		user.open = append(user.open, charged{charge.AttemptID, result.Record})
	}
}

func (c *client) read(key lockout.Key) (lockout.Record, bool) {
	return ask(c, asked{key: key}, func(ctx context.Context) (lockout.Record, error) { return c.attempts.Read(ctx, key) })
}

// oneHangsUp is the number of calls of which one is hung up on.
const oneHangsUp = 20

// ask makes a call and keeps it: once with its answer, if there is one, and once
// for each delivery whose answer did not come.
func ask[T any](c *client, question asked, call func(context.Context) (T, error)) (answer T, ok bool) {
	sent := &deliveries{line: c.line}
	ctx, cancel := context.WithCancel(context.WithValue(c.t.Context(), deliveriesKey{}, sent))
	defer cancel()
	hangsUp := c.random.IntN(oneHangsUp) == 0
	if hangsUp {
		go cancel()
	}
	begun := c.line.now()
	answer, err := call(ctx)
	ended := c.line.now()
	gone := sent.all()
	switch {
	case err == nil:
		c.keep(question, answer, span{begun, ended})
	case hangsUp && len(gone) == 0:
		gone = []lostAnswer{{span{begun, math.MaxInt64}, unanswered{}}}
	case !hangsUp && len(gone) == 0:
		c.t.Errorf("%s: %v", question, err)
	}
	for _, l := range gone {
		if question.transition != nil && l.known != (noEffect{}) { // what changed nothing needs no place
			c.keep(question, l.known, l.span)
		}
	}
	return answer, err == nil
}

func (c *client) keep(question asked, answer any, s span) {
	c.operations = append(c.operations, porcupine.Operation{
		ClientId: c.number, Input: question, Call: s.from, Output: answer, Return: s.to,
	})
}

func (a asked) String() string {
	if a.transition == nil {
		return "Read"
	}
	return fmt.Sprintf("%T%+v", a.transition, a.transition)
}
