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
	e := Entry{
		Client: text(item, "client"), ID: text(item, "id"), Action: Action(text(item, "action")),
		Actor: text(item, "actor"), Username: text(item, "username"), SourceIP: text(item, "source_ip"),
		RequestID: text(item, "request_id"), Reason: text(item, "reason"),
	}
	var err error
	if e.At, err = time.Parse(timeFormat, text(item, "at")); err != nil {
		return Entry{}, fmt.Errorf("audit entry %s: %w", e.ID, err)
	}
	if err := json.Unmarshal([]byte(text(item, "details")), &e.Details); err != nil {
		return Entry{}, fmt.Errorf("details of audit entry %s: %w", e.ID, err)
	}
	if expires, ok := item["expires_at"].(*types.AttributeValueMemberN); ok {
		seconds, err := strconv.ParseInt(expires.Value, 10, 64)
		if err != nil {
			return Entry{}, fmt.Errorf("expiry of audit entry %s: %w", e.ID, err)
		}
		e.ExpiresAt = time.Unix(seconds, 0).UTC()
	}
	return e, nil
}

// text returns a string attribute, or "" if it is not there.
func text(item map[string]types.AttributeValue, name string) string {
	s, _ := item[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}
