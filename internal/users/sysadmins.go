package users

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// turn keeps the client's set of Sysadmins when a user's role turns from one
// into another; the empty role is that of nobody. There is nothing to write
// unless a Sysadmin comes or goes.
func (s *Store) turn(user access.User, from, to access.Role) []write {
	switch {
	case from == to:
		return nil
	case to == access.Sysadmin:
		return []write{s.comes(user)}
	case from == access.Sysadmin:
		return []write{s.goes(user)}
	}
	return nil
}

// comes adds a user to the Sysadmins of a client, who must be there: an update
// would make an item that is not.
func (s *Store) comes(user access.User) write {
	return write{
		TransactWriteItem: types.TransactWriteItem{Update: &types.Update{
			TableName: &s.table, Key: keyOf(user.Client, clientItem),
			UpdateExpression:          aws.String("ADD #sysadmins :names"),
			ConditionExpression:       aws.String("attribute_exists(#username)"),
			ExpressionAttributeNames:  map[string]string{"#sysadmins": attrSysadmins, "#username": attrUsername},
			ExpressionAttributeValues: item{":names": setOf(user.Username)},
		}},
		refusal: lockout.ErrNotFound,
	}
}

// goes takes a user out of the Sysadmins of a client, unless there is no other.
func (s *Store) goes(user access.User) write {
	return write{
		TransactWriteItem: types.TransactWriteItem{Update: &types.Update{
			TableName: &s.table, Key: keyOf(user.Client, clientItem),
			UpdateExpression:         aws.String("DELETE #sysadmins :names"),
			ConditionExpression:      aws.String("contains(#sysadmins, :name) AND size(#sysadmins) > :one"),
			ExpressionAttributeNames: map[string]string{"#sysadmins": attrSysadmins},
			ExpressionAttributeValues: item{
				":names": setOf(user.Username),
				":name":  textValue(user.Username),
				":one":   &types.AttributeValueMemberN{Value: "1"},
			},
		}},
		refusal: access.ErrLastSysadmin,
	}
}

func setOf(name string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: []string{name}}
}
