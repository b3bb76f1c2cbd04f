package users

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A Store keeps the users in DynamoDB. It is safe for concurrent use. Every
// failure of DynamoDB, and every item that cannot be read, wraps
// [lockout.ErrUnavailable]. All reads are strongly consistent, and none but
// [Store.Credential] sees a password hash.
type Store struct {
	db     *dynamodb.Client
	table  string
	hasher *Hasher
	trail  Trail
}

// A Trail makes the write of an audit entry. It MUST be one that fails the
// transaction when the entry is there already, and tells then which one is.
type Trail interface {
	PutEntry(audit.Entry) (types.Put, error)
}

// New returns the store in the given table. It makes no call. The hasher
// compares the passwords, and makes the hashes that replace outdated ones; a
// function that asks for no Credential needs none. The trail takes the entries
// of the changes; a function that makes none needs none.
func New(db *dynamodb.Client, table string, hasher *Hasher, trail Trail) *Store {
	return &Store{db: db, table: table, hasher: hasher, trail: trail}
}

// Credential returns what a password of the user is compared with; for a user
// who does not exist, one that never matches. It costs one read unit either
// way.
func (s *Store) Credential(ctx context.Context, key lockout.Key) (Credential, error) {
	item, err := s.get(ctx, key.Client(), key.Username(), "")
	if err != nil {
		return Credential{}, fmt.Errorf("reading credential: %w", err)
	}
	if len(item) == 0 || key.Username() == clientItem {
		return UnknownCredential(s.hasher), nil
	}
	user, err := readUser(item)
	if err != nil {
		return Credential{}, fmt.Errorf("reading credential: %w", err)
	}
	return NewCredential(s.hasher, user, text(item, attrPasswordHash), func(ctx context.Context, old, new string) error {
		return s.replaceHash(ctx, key, old, new)
	}), nil
}

// Exists reports whether there is such a user. It reads the key attributes
// alone, which is all that unlock-user may see.
func (s *Store) Exists(ctx context.Context, key lockout.Key) (bool, error) {
	item, err := s.get(ctx, key.Client(), key.Username(), keyProjection)
	if err != nil {
		return false, fmt.Errorf("looking for user: %w", err)
	}
	return len(item) > 0 && key.Username() != clientItem, nil
}

// ClientExists reports whether there is such a client. A malformed name is
// nobody's.
func (s *Store) ClientExists(ctx context.Context, client string) (bool, error) {
	if CheckClient(client) != nil {
		return false, nil
	}
	item, err := s.get(ctx, client, clientItem, keyProjection)
	if err != nil {
		return false, fmt.Errorf("looking for client: %w", err)
	}
	return len(item) > 0, nil
}

// User returns a user, without reading the password hash. The error is
// [lockout.ErrNotFound] if there is no such user.
func (s *Store) User(ctx context.Context, key lockout.Key) (access.User, error) {
	item, err := s.get(ctx, key.Client(), key.Username(), userProjection)
	if err != nil {
		return access.User{}, fmt.Errorf("reading user: %w", err)
	}
	if len(item) == 0 || key.Username() == clientItem {
		return access.User{}, lockout.ErrNotFound
	}
	return readUser(item)
}

func (s *Store) get(ctx context.Context, client, username, projection string) (item, error) {
	request := &dynamodb.GetItemInput{
		TableName:      &s.table,
		Key:            keyOf(client, username),
		ConsistentRead: aws.Bool(true),
	}
	if projection != "" {
		request.ProjectionExpression, request.ExpressionAttributeNames = &projection, namesIn(projection)
	}
	found, err := s.db.GetItem(ctx, request)
	if err != nil {
		return nil, unavailable(err)
	}
	return found.Item, nil
}

// replaceHash is the one write that the login function may make here. When a
// retry is refused because our own first try went through, the conflict does no
// harm: [Credential.Upgrade] takes it as settled.
func (s *Store) replaceHash(ctx context.Context, key lockout.Key, old, new string) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                &s.table,
		Key:                      keyOf(key.Client(), key.Username()),
		UpdateExpression:         aws.String("SET #hash = :new"),
		ConditionExpression:      aws.String("#hash = :old"),
		ExpressionAttributeNames: map[string]string{"#hash": attrPasswordHash},
		ExpressionAttributeValues: item{
			":old": textValue(old),
			":new": textValue(new),
		},
	})
	if refused := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &refused) {
		return fmt.Errorf("replacing password hash: %w", &lockout.ConflictError{})
	}
	if err != nil {
		return fmt.Errorf("replacing password hash: %w", unavailable(err))
	}
	return nil
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", lockout.ErrUnavailable, err) }
