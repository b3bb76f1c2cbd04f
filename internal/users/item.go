package users

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// The attributes of an item.
const (
	attrClient        = "client"
	attrUsername      = "username"
	attrPasswordHash  = "password_hash"
	attrRole          = "role"
	attrName          = "name"
	attrEmail         = "email"
	attrCreatedAt     = "created_at"
	attrSessionsSince = "sessions_since" // see access.User
	attrSearch        = "search"         // see access.User.SearchText
	attrSysadmins     = "sysadmins"      // of a client's own item: who its Sysadmins are
)

// clientItem is what the item of a client has for a username.
const clientItem = "#client"

// What a read asks for. "name" and "role" are words of DynamoDB's own, so every
// attribute goes by an alias. None of them is the password hash.
const (
	keyProjection  = "#client, #username"
	userProjection = keyProjection + ", #role, #name, #email, #created_at, #sessions_since"
)

// timeLayout is RFC 3339 UTC with milliseconds; such times sort as text.
const timeLayout = "2006-01-02T15:04:05.000Z"

type item = map[string]types.AttributeValue

// namesIn resolves the aliases of a projection: each is the attribute's name
// after a "#".
func namesIn(projection string) map[string]string {
	names := map[string]string{}
	for alias := range strings.SplitSeq(projection, ", ") {
		names[alias] = strings.TrimPrefix(alias, "#")
	}
	return names
}

func keyOf(client, username string) item {
	return item{attrClient: textValue(client), attrUsername: textValue(username)}
}

// writeUser makes the item of a new user, whose sessions begin as they do.
func writeUser(u access.User, phc string) item {
	made := keyOf(u.Client, u.Username)
	made[attrPasswordHash] = textValue(phc)
	made[attrCreatedAt] = timeValue(u.CreatedAt)
	u.SessionsSince = u.CreatedAt
	maps.Copy(made, writeProfile(u))
	return made
}

// writeProfile makes the attributes of a user that can change, but for the
// password hash.
func writeProfile(u access.User) item {
	return item{
		attrRole: textValue(string(u.Role)), attrName: textValue(u.Name), attrEmail: textValue(u.Email),
		attrSessionsSince: timeValue(u.SessionsSince), attrSearch: textValue(u.SearchText()),
	}
}

// readUser reads an item. One whose attributes have other types or spellings than
// they are written in is an error: somebody else wrote it.
func readUser(i item) (access.User, error) {
	r := reader{item: i}
	user := access.User{
		Client: r.text(attrClient), Username: r.text(attrUsername), Role: access.Role(r.text(attrRole)),
		Name: r.text(attrName), Email: r.text(attrEmail),
		CreatedAt: r.time(attrCreatedAt), SessionsSince: r.time(attrSessionsSince),
	}
	if r.err != nil {
		return access.User{}, r.err
	}
	return user, nil
}

// A reader reads attributes and keeps the first error, which tells no value. An
// attribute that is missing is an empty string.
type reader struct {
	item item
	err  error
}

func (r *reader) text(attribute string) string {
	if there, ok := r.item[attribute]; ok && !isText(there) {
		r.fail(attribute, fmt.Errorf("it is a %T", there))
	}
	return text(r.item, attribute)
}

func (r *reader) time(attribute string) time.Time {
	written := r.text(attribute)
	at, err := time.Parse(timeLayout, written)
	if err != nil || at.Format(timeLayout) != written {
		r.fail(attribute, errors.New("it is no time as they are written"))
	}
	return at
}

func (r *reader) fail(attribute string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s of a user: %w", lockout.ErrUnavailable, attribute, err)
	}
}

func isText(value types.AttributeValue) bool {
	_, ok := value.(*types.AttributeValueMemberS)
	return ok
}

func textValue(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func timeValue(t time.Time) types.AttributeValue { return textValue(t.UTC().Format(timeLayout)) }

// text returns an attribute that is a string; "" if there is none.
func text(i item, attribute string) string {
	if s, ok := i[attribute].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
