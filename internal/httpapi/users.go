package httpapi

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// GetUser answers GET /clients/{client}/users/{username}.
func GetUser(e Edge, users UserReader, attempts RecordReader, maximums lockout.Maximums) Handler {
	p := endpoint{route: "GET /clients/{client}/users/{username}"}
	return serve(e, p, func(ctx context.Context, r *request[empty]) (any, error) {
		user, err := users.User(ctx, r.Key)
		if err != nil {
			return nil, err
		}
		records, err := attempts.ReadMany(ctx, []lockout.Key{r.Key})
		if err != nil {
			return nil, fmt.Errorf("reading attempts: %w", err)
		}
		record := records[r.Key]
		answer := userAnswerOf(user, record, maximums.Maximum(ctx, r.Client))
		answer.Evidence = evidenceAnswersOf(audit.FromEvidence(record.Evidence))
		return answer, nil
	})
}

// ListUsers answers GET /clients/{client}/users.
func ListUsers(e Edge, users UserLister, attempts RecordLister, maximums lockout.Maximums, cursors Cursors) Handler {
	p := endpoint{
		route: "GET /clients/{client}/users",
		query: []string{"limit", "cursor", "locked", "role", "q"},
	}
	return serve(e, p, func(ctx context.Context, r *request[empty]) (any, error) {
		search, err := searchOf(r.Query, r.Client, e.Key)
		if err != nil {
			return nil, err
		}
		list := listOf(p.route, r)
		if search.After, err = cursors.place(ctx, list, r.Query); err != nil {
			return nil, err
		}
		found, next, err := search.run(ctx, users, attempts)
		if err != nil {
			return nil, err
		}
		answer := usersAnswer{Users: []userAnswer{}}
		maximum := maximums.Maximum(ctx, r.Client)
		for _, row := range found {
			answer.Users = append(answer.Users, userAnswerOf(row.user, row.record, maximum))
		}
		answer.NextCursor, err = cursors.after(ctx, list, next)
		return answer, err
	})
}

type usersAnswer struct {
	Users      []userAnswer `json:"users"`
	NextCursor string       `json:"next_cursor,omitzero"`
}

type userAnswer struct {
	Client            string           `json:"client"`
	Username          string           `json:"username"`
	Role              access.Role      `json:"role"`
	Name              string           `json:"name,omitzero"`
	Email             string           `json:"email,omitzero"`
	CreatedAt         string           `json:"created_at,omitzero"`
	Locked            bool             `json:"locked"`
	LockedAt          string           `json:"locked_at,omitzero"`
	LockID            string           `json:"lock_id,omitzero"`
	FailedAttempts    int              `json:"failed_attempts"`
	MaxFailedAttempts int              `json:"max_failed_attempts"`
	LastFailedAt      string           `json:"last_failed_at,omitzero"`
	Sources           int              `json:"sources,omitzero"`
	Evidence          []evidenceAnswer `json:"evidence,omitzero"`
}

type evidenceAnswer struct {
	At        string `json:"at"`
	SourceIP  string `json:"source_ip"`
	UserAgent string `json:"user_agent"`
}

func userAnswerOf(user access.User, record lockout.Record, maximum int) userAnswer {
	answer := userAnswer{
		Client: user.Client, Username: user.Username, Role: user.Role, Name: user.Name, Email: user.Email,
		CreatedAt: stamp(user.CreatedAt), Locked: record.Locked(), LockedAt: stamp(record.LockedAt),
		LockID: record.LockID, FailedAttempts: record.Failed, MaxFailedAttempts: maximum,
		Sources: sourcesOf(record.Evidence),
	}
	if n := len(record.Evidence); n > 0 {
		answer.LastFailedAt = stamp(record.Evidence[n-1].At)
	}
	return answer
}

// sourcesOf counts the different source addresses of failed attempts: one is a
// person who forgot a password, nine are somebody with a botnet.
func sourcesOf(all []lockout.Evidence) int {
	different := map[string]bool{}
	for _, one := range all {
		different[one.SourceIP] = true
	}
	return len(different)
}

// evidenceAnswersOf is never nil, so that an empty list is written as one.
func evidenceAnswersOf(all []audit.Evidence) []evidenceAnswer {
	answers := make([]evidenceAnswer, 0, len(all))
	for _, one := range all {
		answers = append(answers, evidenceAnswer{stamp(one.At), one.SourceIP, one.UserAgent})
	}
	return answers
}

// stamp writes a time as the API does: RFC 3339, UTC, three decimals; the zero
// time is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
