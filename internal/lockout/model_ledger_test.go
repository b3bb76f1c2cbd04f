package lockout_test

import (
	"fmt"
	"slices"

	"portcullis/internal/lockout"
)

// A message is a transition on its way to the store, as its gate made it: of the
// attempt "me", whichever that is.
type message struct {
	id         int
	transition lockout.Transition // nil for a read
}

// A messageKey is all of a transition that its effect can depend on.
type messageKey struct {
	kind                       string
	generation, reclaims       int64
	chargedAt, at              int64
	maximum, failed            int
	evidence, lock, seen, dead string
}

func keyOf(t lockout.Transition) messageKey {
	k := messageKey{kind: fmt.Sprintf("%T", t)}
	switch t := t.(type) {
	case lockout.Charge:
		k.evidence, k.maximum, k.at = t.AttemptID, t.Maximum, t.At.UnixMilli()
	case lockout.Fail:
		k.evidence, k.maximum, k.lock = t.Evidence.AttemptID, t.Maximum, t.Lock.ID
		k.generation, k.reclaims = t.Generation, t.Reclaims
	case lockout.Succeed:
		k.evidence, k.generation, k.reclaims = t.AttemptID, t.Generation, t.Reclaims
	case lockout.Refund:
		k.evidence, k.generation = t.AttemptID, t.Generation
	case lockout.Reclaim:
		k.generation, k.chargedAt, k.dead = t.Generation, t.ChargedAt.UnixMilli(), fmt.Sprint(t.DeadBefore, t.NotAfter)
	case lockout.Unlock:
		k.generation, k.failed, k.seen = t.Seen.Generation, t.Seen.Failed, t.Seen.LockID
	}
	return k
}

// A recordKey is all of a record that the rule looks at: when a failure was and
// when a record expires decides nothing, and evidence is only added to.
type recordKey struct {
	generation, reclaims int64
	charged, failed      int
	inFlight, evidence   uint8 // a bit for each attempt
	lock                 int8  // the attempt that locked, and -1
	chargedAt            int8  // epoch
}

// A ledger names all records and messages, and runs each transition on each
// record once. Its own checks are those of a single step.
type ledger struct {
	ids      map[recordKey]int32
	keys     []recordKey
	records  []lockout.Record
	messages map[messageKey]*message
	all      []*message
	read     *message
	effects  map[effectKey]*effect
	views    map[view]uint32
	broken   string // the first step that breaks the rule
}

type effectKey struct {
	record  int32
	message int32
	attempt int8
}

// An effect is what a message does, sent by one attempt, to one record.
type effect struct {
	applied bool
	record  int32 // after it
	outcome lockout.Outcome
	view    uint32
	hear    lockout.Result // as the attempt's gate hears it
}

func newLedger() *ledger {
	l := &ledger{
		ids: map[recordKey]int32{}, messages: map[messageKey]*message{}, effects: map[effectKey]*effect{},
		views: map[view]uint32{},
	}
	l.intern(lockout.Record{})
	return l
}

func (l *ledger) message(t lockout.Transition) *message {
	key := keyOf(t)
	if m, ok := l.messages[key]; ok {
		return m
	}
	m := &message{id: len(l.all), transition: t}
	l.messages[key], l.all = m, append(l.all, m)
	return m
}

func (l *ledger) reading() *message {
	if l.read == nil {
		l.read = &message{id: len(l.all)}
		l.all = append(l.all, l.read)
	}
	return l.read
}

// intern returns the name of the record, which must be one that makes sense.
func (l *ledger) intern(r lockout.Record) int32 {
	key := recordKey{
		generation: r.Generation, reclaims: r.Reclaims, charged: r.Charged, failed: r.Failed,
		lock: attemptOfLock(r.LockID), chargedAt: int8(epochOf(r.ChargedAt)),
	}
	for _, id := range r.InFlight {
		key.inFlight |= 1 << attemptOf(id)
	}
	for _, e := range r.Evidence {
		key.evidence |= 1 << attemptOf(e.AttemptID)
	}
	if id, ok := l.ids[key]; ok {
		return id
	}
	l.ids[key] = int32(len(l.keys))
	l.keys, l.records = append(l.keys, key), append(l.records, r)
	return l.ids[key]
}

// effect returns what the message of the attempt does to the record.
func (l *ledger) effect(record int32, m *message, attempt int) *effect {
	key := effectKey{record, int32(m.id), int8(attempt)}
	if e, ok := l.effects[key]; ok {
		return e
	}
	before := l.records[record]
	result := lockout.Result{Record: before}
	if m.transition != nil {
		t := sentBy(m.transition, attempt)
		result = t.Apply(before)
		l.note(brokenStep(before, t, result))
	}
	e := &effect{applied: result.Outcome == lockout.Applied, record: record, outcome: result.Outcome}
	if e.applied {
		e.record = l.intern(result.Record)
	}
	e.hear = heardBy(result, attempt)
	e.view = l.view(viewOf(m.transition, e.hear, attempt))
	l.effects[key] = e
	return e
}

func (l *ledger) note(broken string) {
	if l.broken == "" {
		l.broken = broken
	}
}

func (l *ledger) view(v view) uint32 {
	if _, ok := l.views[v]; !ok {
		l.views[v] = uint32(len(l.views) + 1)
	}
	return l.views[v]
}

// A view is as much of an answer as can matter to the one who asked.
type view struct {
	outcome              lockout.Outcome
	generation, reclaims int64
	chargedAt, failed    int
	locked, mine         bool
	lock                 string
}

func viewOf(t lockout.Transition, heard lockout.Result, attempt int) view {
	r := heard.Record
	v := view{outcome: heard.Outcome}
	if attempt == nobody { // an unlock
		v.generation, v.failed, v.lock = r.Generation, r.Failed, r.LockID
		return v
	}
	switch t.(type) {
	case nil:
		if v.mine = slices.Contains(r.InFlight, me); v.mine {
			v.generation, v.reclaims = r.Generation, r.Reclaims
		}
	case lockout.Charge:
		v.generation = r.Generation
		if heard.Outcome == lockout.RefusedBusy {
			v.chargedAt = epochOf(r.ChargedAt)
		} else {
			v.reclaims = r.Reclaims
		}
	case lockout.Fail:
		v.failed, v.locked, v.reclaims = r.Failed, r.Locked(), r.Reclaims
	case lockout.Succeed:
		v.locked, v.reclaims = r.Locked(), r.Reclaims
	case lockout.Refund, lockout.Reclaim:
		v.outcome = ""
	}
	return v
}

// nobody is whoever is no attempt: a Sysadmin.
const nobody = -1

// The world's names of the attempts and of the locks they make.
const (
	attemptNames = "abcdef"
	lockNames    = "ABCDEF"
)

func attemptOf(id string) int { return slices.Index([]byte(attemptNames), id[0]) }

func attemptOfLock(id string) int8 {
	if id == "" {
		return -1
	}
	return int8(slices.Index([]byte(lockNames), id[0]))
}

// sentBy puts the attempt's name for "me" into a transition.
func sentBy(t lockout.Transition, attempt int) lockout.Transition {
	name := func(id string) string {
		if id != me {
			return id
		}
		return attemptNames[attempt : attempt+1]
	}
	switch t := t.(type) {
	case lockout.Charge:
		t.AttemptID = name(t.AttemptID)
		return t
	case lockout.Fail:
		t.Evidence.AttemptID = name(t.Evidence.AttemptID)
		if t.Lock.ID == myLock {
			t.Lock.ID = lockNames[attempt : attempt+1]
		}
		return t
	case lockout.Succeed:
		t.AttemptID = name(t.AttemptID)
		return t
	case lockout.Refund:
		t.AttemptID = name(t.AttemptID)
		return t
	}
	return t
}

// heardBy is the other way round: the attempt's gate hears of "me".
func heardBy(r lockout.Result, attempt int) lockout.Result {
	if attempt == nobody {
		return r
	}
	name, lock := attemptNames[attempt:attempt+1], lockNames[attempt:attempt+1]
	r.Record.InFlight = slices.Clone(r.Record.InFlight)
	for i, id := range r.Record.InFlight {
		if id == name {
			r.Record.InFlight[i] = me
		}
	}
	r.Record.Evidence = slices.Clone(r.Record.Evidence)
	for i, e := range r.Record.Evidence {
		if e.AttemptID == name {
			r.Record.Evidence[i].AttemptID = me
		}
	}
	if r.Record.LockID == lock {
		r.Record.LockID = myLock
	}
	return r
}
