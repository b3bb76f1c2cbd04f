package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

func TestTrail(t *testing.T) {
	lockouttest.TestTrail(t, func(t *testing.T) lockouttest.Trail {
		return audit.New(dynamodb.NewFromConfig(lockouttest.AWS(t)), lockouttest.Tables(t).Audit)
	})
}

func TestTrailErrors(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	table := lockouttest.Tables(t).Audit
	trail := audit.New(db, table)
	entry := audit.Entry{Client: "acme", ID: "01", Action: audit.PolicyChanged, Actor: "acme/root"}
	if err := trail.Append(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	t.Run("another entry under the id is a conflict", func(t *testing.T) {
		other := entry
		other.Actor = "acme/mallory"
		var conflict *lockout.ConflictError
		if err := trail.Append(t.Context(), other); !errors.As(err, &conflict) || conflict.Current != "01" {
			t.Errorf("got %v, want a conflict on 01", err)
		}
	})
	t.Run("an append that cannot be made is unavailable", func(t *testing.T) {
		if err := trail.Append(ended, entry); !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("got %v, want one that wraps ErrUnavailable", err)
		}
	})
	t.Run("a read that cannot be made is unavailable", func(t *testing.T) {
		if _, _, err := trail.Entries(ended, "acme", "", 1); !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("got %v, want one that wraps ErrUnavailable", err)
		}
	})
	t.Run("an item that is no entry is unavailable", func(t *testing.T) {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(table), Item: map[string]types.AttributeValue{
				"client": &types.AttributeValueMemberS{Value: "broken"},
				"id":     &types.AttributeValueMemberS{Value: "01"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := trail.Entries(t.Context(), "broken", "", 1); !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("got %v, want one that wraps ErrUnavailable", err)
		}
	})
}

// TestPut shows that an entry is written in the transaction or not at all.
func TestPut(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	trail := audit.New(db, lockouttest.Tables(t).Audit)
	id := lockouttest.IDs()()
	put := func(actor string) error {
		put, err := trail.Put(lockout.Event{
			ID: id, Kind: lockout.EventUnlock, Key: lockout.NewKey("acme", "ana.silva"), Actor: actor,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
			TransactItems: []types.TransactWriteItem{{Put: &put}},
		})
		return err
	}
	if err := put("acme/root"); err != nil {
		t.Fatal(err)
	}
	var cancelled *types.TransactionCanceledException
	if err := put("acme/mallory"); !errors.As(err, &cancelled) {
		t.Errorf("got %v for an id that is there, want a cancelled transaction", err)
	}
	entries, _, err := trail.Entries(t.Context(), "acme", "", 10)
	if err != nil || len(entries) != 1 || entries[0].Actor != "acme/root" {
		t.Errorf("got %+v, %v; want the first entry alone", entries, err)
	}
}
