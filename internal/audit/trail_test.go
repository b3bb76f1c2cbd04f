package audit_test

import (
	"context"
	"errors"
	"strings"
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
		if _, _, err := trail.Entries(ended, audit.Query{Client: "acme", Limit: 1}); !errors.Is(err, lockout.ErrUnavailable) {
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
		if _, _, err := trail.Entries(t.Context(), audit.Query{Client: "broken", Limit: 1}); !errors.Is(err, lockout.ErrUnavailable) {
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
	entries, _, err := trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 10})
	if err != nil || len(entries) != 1 || entries[0].Actor != "acme/root" {
		t.Errorf("got %+v, %v; want the first entry alone", entries, err)
	}
}

// TestReadingIsBounded reads, of three pages of DynamoDB, what is on none or at
// the end of them.
func TestReadingIsBounded(t *testing.T) {
	config, wire := lockouttest.AWS(t), &lockouttest.Wire{}
	config.HTTPClient = wire
	trail := audit.New(dynamodb.NewFromConfig(config), lockouttest.Tables(t).Audit)
	const size, entries = 100 << 10, 30 // of which DynamoDB reads ten for a page
	next := lockouttest.IDs()
	var ids []string
	for i := range entries {
		e := audit.Entry{Client: "acme", ID: next(), Action: audit.UserUpdated, Username: "bela", Reason: strings.Repeat("x", size)}
		if i == 0 {
			e.Username = "ana"
		}
		ids = append(ids, e.ID)
		if err := trail.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	wire.Take()
	for _, c := range []struct {
		name  string
		q     audit.Query
		pages int // of DynamoDB
		found int
		more  bool
	}{
		{"the oldest of many is not reached at once", audit.Query{Limit: 10, Username: "ana"}, 2, 0, true},
		{"it is when the reading goes on", audit.Query{Limit: 10, Username: "ana", Before: ids[12]}, 2, 1, false},
		{"a page that is full ends the reading", audit.Query{Limit: 5, Username: "bela"}, 1, 5, true},
		{"what all are is read to the bound", audit.Query{Limit: 100, Username: "bela"}, 2, 20, true},
		{"without a filter too", audit.Query{Limit: 100}, 2, 20, true},
		{"the newest alone", audit.Query{Limit: 1}, 1, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Client = "acme"
			found, next, err := trail.Entries(t.Context(), c.q)
			if err != nil || len(found) != c.found || (next != "") != c.more {
				t.Errorf("got %d entries, next %q, error %v; want %d, more %v", len(found), next, err, c.found, c.more)
			}
			if pages := len(wire.Take()); pages != c.pages {
				t.Errorf("read %d pages, want %d", pages, c.pages)
			}
		})
	}
}
