package audit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// timeFormat is RFC 3339 in UTC with milliseconds, as the API shows times.
const timeFormat = "2006-01-02T15:04:05.000Z"

// encode makes the item of an entry. Fields that are empty are left out.
func encode(e Entry) (map[string]types.AttributeValue, error) {
	details, err := json.Marshal(e.Details)
	if err != nil {
		return nil, fmt.Errorf("encoding the details of an audit entry: %w", err)
	}
	item := map[string]types.AttributeValue{}
	for name, value := range map[string]string{
		"client": e.Client, "id": e.ID, "at": e.At.UTC().Format(timeFormat), "action": string(e.Action),
		"actor": e.Actor, "username": e.Username, "source_ip": e.SourceIP, "request_id": e.RequestID,
		"reason": e.Reason, "details": string(details),
	} {
		if value != "" {
			item[name] = &types.AttributeValueMemberS{Value: value}
		}
	}
	if !e.ExpiresAt.IsZero() {
		item["expires_at"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(e.ExpiresAt.Unix(), 10)}
	}
	return item, nil
}

// decode reads an item. One that is not as encode makes it is an error: a trail
// that was tampered with must not read as one that was not.
func decode(item map[string]types.AttributeValue) (Entry, error) {
	d := decoder{item: item}
	e := Entry{
		Client: d.text("client"), ID: d.text("id"), Action: Action(d.text("action")), Actor: d.text("actor"),
		Username: d.text("username"), SourceIP: d.text("source_ip"), RequestID: d.text("request_id"), Reason: d.text("reason"),
		At: d.time("at"), ExpiresAt: d.seconds("expires_at"),
	}
	if err := json.Unmarshal([]byte(d.text("details")), &e.Details); err != nil {
		d.fail("details", err)
	}
	if d.err != nil {
		return Entry{}, fmt.Errorf("audit entry %s: %w", e.ID, d.err)
	}
	return e, nil
}

// A decoder reads attributes and keeps the first error. A string that is missing
// is empty, and a number zero.
type decoder struct {
	item map[string]types.AttributeValue
	err  error
}

func (d *decoder) fail(name string, err error) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", name, err)
	}
}

func (d *decoder) text(name string) string {
	there, ok := d.item[name]
	if !ok {
		return ""
	}
	s, ok := there.(*types.AttributeValueMemberS)
	if !ok {
		d.fail(name, fmt.Errorf("it is a %T", there))
		return ""
	}
	return s.Value
}

func (d *decoder) time(name string) time.Time {
	written := d.text(name)
	at, err := time.Parse(timeFormat, written)
	if err != nil || at.Format(timeFormat) != written {
		d.fail(name, fmt.Errorf("%q is no time as they are written", written))
	}
	return at
}

func (d *decoder) seconds(name string) time.Time {
	there, ok := d.item[name]
	if !ok {
		return time.Time{}
	}
	number, ok := there.(*types.AttributeValueMemberN)
	if !ok {
		d.fail(name, fmt.Errorf("it is a %T", there))
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(number.Value, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != number.Value {
		d.fail(name, fmt.Errorf("%q is no time in seconds", number.Value))
	}
	return time.Unix(seconds, 0).UTC()
}

// text returns a string attribute, or "" if it is not there.
func text(item map[string]types.AttributeValue, name string) string {
	s, _ := item[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}
