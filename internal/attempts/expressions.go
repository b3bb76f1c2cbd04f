package attempts

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// An expression is a transition in DynamoDB's language: when it may be written,
// and what.
type expression struct {
	condition, effect string
	values            item
}

// The conditions that transitions share.
const (
	sameGeneration = "generation = :generation"
	isInFlight     = "contains(in_flight, :id)"
	notLocked      = "attribute_not_exists(lock_id)"
)

// isSettled asks for the attempt's id in each place that evidence may have: a
// list has no condition of its own for a part of its elements.
var isSettled = func() string {
	places := make([]string, lockout.MaxMaximum)
	for i := range places {
		places[i] = fmt.Sprintf("evidence[%d].attempt_id = :id", i)
	}
	return "(" + strings.Join(places, " OR ") + ")"
}()

// forgotten is everything that a new generation begins without.
const forgotten = "charged, charged_at, failed, in_flight, evidence, lock_id, locked_at, locked_client, expires_at"

// plainExpression states a transition that writes no event.
func plainExpression(t lockout.Transition) (expression, error) {
	switch t := t.(type) {
	case lockout.Charge:
		return chargeExpression(t), nil
	case lockout.Fail:
		return failExpression(t), nil
	case lockout.Succeed:
		return succeedExpression(t), nil
	case lockout.Refund:
		return refundExpression(t), nil
	case lockout.Reclaim:
		return reclaimExpression(t), nil
	}
	return expression{}, fmt.Errorf("no way to write %T", t)
}

// eventExpression states a transition that writes the event with it that its
// Apply gives for the record seen.
func eventExpression(key lockout.Key, t lockout.Transition, seen lockout.Record) (expression, error) {
	switch t := t.(type) {
	case lockout.Fail:
		return lockExpression(key, t, seen), nil
	case lockout.Unlock:
		return unlockExpression(t, seen), nil
	}
	return expression{}, fmt.Errorf("no way to write %T with an event", t)
}

// chargeExpression stores generation and failed with the first charge, so that
// the later conditions can compare them.
func chargeExpression(t lockout.Charge) expression {
	return expression{
		condition: notLocked + " AND NOT " + isInFlight + " AND NOT " + isSettled +
			" AND (attribute_not_exists(charged) OR charged < :maximum OR charged = failed)",
		effect: "SET generation = if_not_exists(generation, :zero), failed = if_not_exists(failed, :zero)," +
			" charged_at = :at ADD charged :one, in_flight :ids",
		values: item{
			":id": text(t.AttemptID), ":ids": set(t.AttemptID), ":maximum": number(t.Maximum),
			":at": moment(t.At), ":zero": number(0), ":one": number(1),
		},
	}
}

// failExpression states a failure that does not lock: one below the last that
// the maximum allows.
func failExpression(t lockout.Fail) expression {
	e := countExpression(t, "")
	e.condition += " AND failed < :last"
	e.values[":last"] = number(t.Maximum - 1)
	return e
}

// lockExpression states a failure that locks. It asks that the failures are
// exactly those that the lock's entry tells of: within a generation they only
// grow, so their number says which they are. Only a known user's lock comes into
// the index of locked users.
func lockExpression(key lockout.Key, t lockout.Fail, seen lockout.Record) expression {
	alsoSet, known := ", lock_id = :lock, locked_at = :at", t.ExpiresAt.IsZero()
	if known {
		alsoSet += ", locked_client = :client"
	}
	e := countExpression(t, alsoSet)
	e.condition += " AND failed = :before"
	e.values[":before"] = number(seen.Failed)
	e.values[":lock"] = text(t.Lock.ID)
	e.values[":at"] = moment(t.Lock.At)
	if known {
		e.values[":client"] = text(key.Client())
	}
	return e
}

// countExpression is what the two forms of a failure share. An update may have
// one SET clause, so what else is set comes in.
func countExpression(t lockout.Fail, alsoSet string) expression {
	id := t.Evidence.AttemptID
	e := expression{
		condition: sameGeneration + " AND " + isInFlight + " AND " + notLocked,
		effect: "ADD failed :one DELETE in_flight :ids" +
			" SET evidence = list_append(if_not_exists(evidence, :none), :evidence)" + alsoSet,
		values: item{
			":generation": number(t.Generation), ":id": text(id), ":ids": set(id), ":one": number(1),
			":none": list(), ":evidence": list(evidenceValue(t.Evidence)),
		},
	}
	if t.ExpiresAt.IsZero() {
		e.effect += " REMOVE expires_at"
		return e
	}
	e.effect += ", expires_at = :expires"
	e.values[":expires"] = seconds(t.ExpiresAt)
	return e
}

func succeedExpression(t lockout.Succeed) expression {
	return expression{
		condition: sameGeneration + " AND " + isInFlight + " AND " + notLocked,
		effect:    "SET generation = :next REMOVE " + forgotten,
		values: item{
			":generation": number(t.Generation), ":next": number(t.Generation + 1), ":id": text(t.AttemptID),
		},
	}
}

func refundExpression(t lockout.Refund) expression {
	e := expression{
		condition: sameGeneration + " AND " + isInFlight,
		effect:    "ADD charged :back DELETE in_flight :ids",
		values: item{
			":generation": number(t.Generation), ":id": text(t.AttemptID), ":ids": set(t.AttemptID), ":back": number(-1),
		},
	}
	if !t.ExpiresAt.IsZero() {
		e.effect += " SET expires_at = :expires"
		e.values[":expires"] = seconds(t.ExpiresAt)
	}
	return e
}

func reclaimExpression(t lockout.Reclaim) expression {
	e := expression{
		condition: equalOrAbsent("generation", ":generation", t.Generation) + " AND attribute_exists(in_flight)",
		effect:    "SET charged = if_not_exists(failed, :zero) REMOVE in_flight ADD reclaims :one",
		values:    item{":generation": number(t.Generation), ":zero": number(0), ":one": number(1)},
	}
	e.sameOrAbsent("charged_at", ":at", moment(t.ChargedAt), !t.ChargedAt.IsZero())
	if t.ChargedAt.IsZero() {
		return e
	}
	e.values[":dead"] = moment(ceiling(t.DeadBefore))
	if t.NotAfter.IsZero() {
		e.condition += " AND charged_at < :dead"
		return e
	}
	e.condition += " AND (charged_at < :dead OR charged_at > :latest)"
	e.values[":latest"] = moment(t.NotAfter.Truncate(time.Millisecond))
	return e
}

// ceiling rounds up to the millisecond. A stored time, which is whole
// milliseconds, is before the one exactly if it is before the other.
func ceiling(t time.Time) time.Time { return t.Add(time.Millisecond - 1).Truncate(time.Millisecond) }

// unlockExpression asks that the record is the one that was read, in all that
// the entry tells of it. A user nobody tried has no item.
func unlockExpression(t lockout.Unlock, seen lockout.Record) expression {
	e := expression{
		condition: equalOrAbsent("generation", ":generation", seen.Generation) +
			" AND " + equalOrAbsent("failed", ":failed", int64(seen.Failed)),
		effect: "SET generation = :next REMOVE " + forgotten,
		values: item{
			":generation": number(seen.Generation), ":failed": number(seen.Failed),
			":next": number(seen.Generation + 1),
		},
	}
	e.sameOrAbsent("lock_id", ":lock", text(seen.LockID), seen.Locked())
	return e
}

// sameOrAbsent asks for the value, or for none where there was none.
func (e *expression) sameOrAbsent(name, placeholder string, value types.AttributeValue, there bool) {
	if !there {
		e.condition += " AND attribute_not_exists(" + name + ")"
		return
	}
	e.condition += " AND " + name + " = " + placeholder
	e.values[placeholder] = value
}

// equalOrAbsent compares a number that is not stored while it is zero.
func equalOrAbsent(name, value string, n int64) string {
	if n != 0 {
		return name + " = " + value
	}
	return "(attribute_not_exists(" + name + ") OR " + name + " = " + value + ")"
}
