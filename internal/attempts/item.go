package attempts

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// An item is a record as DynamoDB holds it, or the values of an expression.
type item = map[string]types.AttributeValue

// timeFormat is RFC 3339 in UTC with milliseconds. Such strings sort as the
// times do, so a condition can compare them.
const timeFormat = "2006-01-02T15:04:05.000Z"

func itemKey(key lockout.Key) item { return item{"user": text(key.String())} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[N int | int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

func set(s string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: []string{s}} }

func list(values ...types.AttributeValue) types.AttributeValue {
	if values == nil {
		values = []types.AttributeValue{}
	}
	return &types.AttributeValueMemberL{Value: values}
}

func moment(t time.Time) types.AttributeValue { return text(t.UTC().Format(timeFormat)) }

// seconds is a time as DynamoDB's TTL wants it.
func seconds(t time.Time) types.AttributeValue { return number(t.Unix()) }

func evidenceValue(e lockout.Evidence) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: item{
		"attempt_id": text(e.AttemptID), "at": moment(e.At),
		"source_ip": text(e.SourceIP), "user_agent": text(e.UserAgent),
	}}
}

// decode reads an item; one that is missing is the zero Record. What is not as
// the expressions write it is an error, since nothing should be decided on it:
// neither an attribute that is no such value, nor values that do not go together.
func decode(it item) (lockout.Record, error) {
	d := decoder{item: it}
	r := lockout.Record{
		Generation: d.number("generation"),
		Reclaims:   d.number("reclaims"),
		InFlight:   d.set("in_flight"),
		Charged:    int(d.number("charged")),
		ChargedAt:  d.moment("charged_at"),
		Failed:     int(d.number("failed")),
		Evidence:   d.evidence("evidence"),
		LockID:     d.text("lock_id"),
		LockedAt:   d.moment("locked_at"),
	}
	if expires := d.number("expires_at"); expires != 0 {
		r.ExpiresAt = time.Unix(expires, 0).UTC()
	}
	d.halfLock(r)
	if d.err == nil {
		d.err = r.Check()
	}
	if d.err != nil {
		return lockout.Record{}, d.err
	}
	return r, nil
}

// halfLock fails where any part of a lock is there, and none is read.
func (d *decoder) halfLock(r lockout.Record) {
	for _, name := range []string{"lock_id", "locked_at", "locked_client"} {
		if _, there := d.item[name]; there && !r.Locked() {
			d.fail(name, errors.New("it is there without a lock"))
		}
	}
}

// decodeNamed reads an item with its key.
func decodeNamed(it item) (name string, r lockout.Record, err error) {
	d := decoder{item: it}
	name = d.text("user")
	if d.err != nil {
		return "", lockout.Record{}, d.err
	}
	r, err = decode(it)
	return name, r, err
}

// A decoder reads attributes and keeps the first error. An attribute that is
// missing has the zero value.
type decoder struct {
	item item
	err  error
}

// attribute returns the attribute as the type that it must have.
func attribute[T types.AttributeValue](d *decoder, name string) (value T, ok bool) {
	there, ok := d.item[name]
	if !ok {
		return value, false
	}
	value, ok = there.(T)
	if !ok {
		d.fail(name, fmt.Errorf("it is a %T", there))
	}
	return value, ok
}

func (d *decoder) fail(name string, err error) {
	if d.err == nil {
		d.err = fmt.Errorf("attribute %s: %w", name, err)
	}
}

func (d *decoder) text(name string) string {
	s, ok := attribute[*types.AttributeValueMemberS](d, name)
	if !ok {
		return ""
	}
	return s.Value
}

func (d *decoder) number(name string) int64 {
	s, ok := attribute[*types.AttributeValueMemberN](d, name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(s.Value, 10, 64)
	if err != nil {
		d.fail(name, err)
	}
	return n
}

func (d *decoder) moment(name string) time.Time {
	s, ok := attribute[*types.AttributeValueMemberS](d, name)
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(timeFormat, s.Value)
	if err == nil && t.Format(timeFormat) != s.Value {
		err = errors.New("it is spelled in another way than ours") // and no condition would find it equal
	}
	if err != nil {
		d.fail(name, err)
	}
	return t
}

func (d *decoder) set(name string) []string {
	s, ok := attribute[*types.AttributeValueMemberSS](d, name)
	if !ok {
		return nil
	}
	return s.Value
}

func (d *decoder) evidence(name string) []lockout.Evidence {
	l, ok := attribute[*types.AttributeValueMemberL](d, name)
	if !ok {
		return nil
	}
	all := make([]lockout.Evidence, 0, len(l.Value))
	for _, value := range l.Value {
		m, ok := value.(*types.AttributeValueMemberM)
		if !ok {
			d.fail(name, fmt.Errorf("it holds a %T", value))
			return nil
		}
		one := decoder{item: m.Value}
		all = append(all, lockout.Evidence{
			AttemptID: one.text("attempt_id"), At: one.moment("at"),
			SourceIP: one.text("source_ip"), UserAgent: one.text("user_agent"),
		})
		if one.err != nil {
			d.fail(name, one.err)
		}
	}
	return all
}
