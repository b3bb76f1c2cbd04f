package users

import (
	"fmt"
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
	attrSessionsSince = "sessions_since" // sessions that began before it are over
)

// clientItem is what the item of a client has for a username.
const clientItem = "#client"

// What a read asks for. "name" and "role" are words of DynamoDB's own, so every
// attribute goes by an alias. None of them is the password hash.
const (
	keyProjection  = "#client, #username"
	userProjection = keyProjection + ", #role, #name, #email, #created_at"
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

func writeUser(u access.User, phc string) item {
	made := keyOf(u.Client, u.Username)
	made[attrPasswordHash] = textValue(phc)
	made[attrRole] = textValue(string(u.Role))
	made[attrName] = textValue(u.Name)
	made[attrEmail] = textValue(u.Email)
	made[attrCreatedAt] = timeValue(u.CreatedAt)
	made[attrSessionsSince] = timeValue(u.CreatedAt)
	return made
}

func readUser(i item) (access.User, error) {
	createdAt, err := time.Parse(timeLayout, text(i, attrCreatedAt))
	if err != nil {
		return access.User{}, fmt.Errorf("%w: created_at of a user: %w", lockout.ErrUnavailable, err)
	}
	return access.User{
		Client: text(i, attrClient), Username: text(i, attrUsername), Role: access.Role(text(i, attrRole)),
		Name: text(i, attrName), Email: text(i, attrEmail), CreatedAt: createdAt,
	}, nil
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
