package lockouttest

import (
	"slices"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// loginLifetime is how long the logins of a gate's property live: so long that
// no real time ends one.
const loginLifetime = time.Hour

// A ledger is what must be the case of one user: the rule in the words of the
// logins, by which the gate and its store are judged.
type ledger struct {
	key       lockout.Key
	known     bool
	epoch     int      // grows when the count is cleared
	places    []*login // charged and not settled, whether they live or not
	chargedAt time.Time
	reclaims  int      // how often places were taken from the dead, in all epochs
	failed    []*login // of this epoch
	locked    bool
	heard     map[int]int // by epoch: verdicts that were spoken after a comparison
	wrong     map[int]int // by epoch: those that were "wrong"
	top       map[int]int // by epoch: the largest maximum of a login that got in
}

// A login is one attempt, as whoever sent it sees it.
type login struct {
	agent   string // tells it apart in the evidence
	right   bool
	maximum int
	began   time.Time
	epoch   int // when it got in
	before  int // the failures there were then
	reclaim int // the reclaims there had been
}

// A said is what a login was told: a ruling, or nothing but that it failed.
type said struct {
	Ruling       lockout.Ruling
	Remaining    int
	JustLocked   bool
	FailedBefore int
	Unavailable  bool
}

var nothing = said{Unavailable: true}

func newLedger(key lockout.Key, known bool) *ledger {
	return &ledger{key: key, known: known, heard: map[int]int{}, wrong: map[int]int{}, top: map[int]int{}}
}

// roomFor reports whether a login gets in beside those in flight. Where the
// maximum was lowered, one at a time may still prove itself.
func (u *ledger) roomFor(l *login) bool {
	return !u.locked && (len(u.failed)+len(u.places) < l.maximum || len(u.places) == 0)
}

// allDead reports whether those in flight are taken for dead: the latest is too
// old, or dated by a clock that has been set back since.
func (u *ledger) allDead(now time.Time) bool {
	age := now.Sub(u.chargedAt)
	return age > loginLifetime+lockout.ClockSkew || -age > lockout.ClockSkew
}

// enter lets a login in, and returns an empty ruling, or says why not.
func (u *ledger) enter(l *login) lockout.Ruling {
	switch {
	case u.locked:
		return lockout.Locked
	case !u.roomFor(l) && !u.allDead(l.began):
		return lockout.Busy
	case !u.roomFor(l):
		u.places = nil
		u.reclaims++
	}
	u.take(l)
	return ""
}

func (u *ledger) take(l *login) {
	u.places = append(u.places, l)
	u.chargedAt, l.epoch, l.before, l.reclaim = l.began, u.epoch, len(u.failed), u.reclaims
	u.top[u.epoch] = max(u.top[u.epoch], l.maximum)
}

// giveBack frees a login's place, if it still has one.
func (u *ledger) giveBack(l *login) {
	u.places = slices.DeleteFunc(u.places, func(other *login) bool { return other == l })
}

// atTheGate lets a login in that may meet a mishap at its charge. It returns
// whether the login comes as far as its comparison and, if not, what it must be
// told.
func (u *ledger) atTheGate(h *heldLogin, m mishap) (told said, in bool) {
	if m.fault == FaultAfter && u.roomFor(h.login) {
		u.take(h.login)
		if !m.outage { // it is found to have been charged, and given back
			u.giveBack(h.login)
		}
	}
	if m.fault != "" {
		return nothing, false
	}
	if ruling := u.enter(h.login); ruling != "" {
		return said{Ruling: ruling}, false
	}
	if h.password.unread != nil {
		u.giveBack(h.login)
		return nothing, false
	}
	return said{}, true
}

// settle settles a login that was compared, and returns what it may be told.
func (u *ledger) settle(l *login) said {
	right := l.right && u.known
	switch {
	case u.locked:
		return said{Ruling: lockout.Locked}
	case l.epoch != u.epoch && l.reclaim != u.reclaims:
		return nothing // its place may have been somebody else's
	case l.epoch != u.epoch && right:
		return said{Ruling: lockout.Welcome, FailedBefore: l.before}
	case l.epoch != u.epoch:
		return said{Ruling: lockout.Wrong, Remaining: max(1, l.maximum-len(u.failed))}
	case !slices.Contains(u.places, l):
		return nothing
	case right:
		u.clear()
		return said{Ruling: lockout.Welcome, FailedBefore: l.before}
	}
	u.giveBack(l)
	u.failed = append(u.failed, l)
	u.locked = len(u.failed) >= l.maximum
	if u.locked {
		return said{Ruling: lockout.Locked, JustLocked: true}
	}
	return said{Ruling: lockout.Wrong, Remaining: l.maximum - len(u.failed)}
}

// hear notes a verdict that was spoken after a comparison. That somebody is locked
// is none, unless they locked themselves: the right password hears it too.
func (u *ledger) hear(l *login, told said) {
	if told.Ruling != "" && (told.Ruling != lockout.Locked || told.JustLocked) {
		u.heard[l.epoch]++
	}
	if told.Ruling == lockout.Wrong {
		u.wrong[l.epoch]++
	}
}

// clear forgets everything, as a success and an unlock do.
func (u *ledger) clear() {
	u.epoch++
	u.places, u.failed, u.locked = nil, nil, false
}

// broken returns the promise that is broken, by what was spoken alone.
func (u *ledger) broken() string {
	for epoch, top := range u.top {
		open := 0
		if epoch == u.epoch {
			open = len(u.places)
		}
		switch {
		case u.heard[epoch]+open > top:
			return "more passwords were compared than the maximum (promise 1)"
		case u.wrong[epoch] > top:
			return "more wrong verdicts were spoken than the maximum (promise 2)"
		}
	}
	return ""
}

// An act is an entry of the trail, as far as a ledger knows it.
type act struct {
	Action   audit.Action
	Username string
	Maximum  int
	Failed   int
	Agents   []string // of the evidence
	Expires  bool
}

// act returns the entry that a lock or an unlock of now must have.
func (u *ledger) act(action audit.Action, maximum int) act {
	a := act{Action: action, Username: u.key.Username(), Maximum: maximum, Failed: len(u.failed)}
	for _, l := range u.failed {
		a.Agents = append(a.Agents, l.agent)
	}
	a.Expires = action == audit.Lock && !u.known
	return a
}

// actOf returns what an entry tells.
func actOf(e audit.Entry) act {
	a := act{
		Action: e.Action, Username: e.Username, Maximum: e.Details.Maximum, Failed: e.Details.FailedAttempts,
		Expires: !e.ExpiresAt.IsZero(),
	}
	for _, evidence := range e.Details.Evidence {
		a.Agents = append(a.Agents, evidence.UserAgent)
	}
	return a
}
