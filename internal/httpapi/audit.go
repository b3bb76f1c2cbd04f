package httpapi

import (
	"context"
	"slices"
	"strings"

	"portcullis/internal/audit"
)

// maxTrailName bounds username, in bytes: the longest name that a login takes,
// and so the longest that a lock can be of.
const maxTrailName = 256

// GetAudit answers GET /clients/{client}/audit.
func GetAudit(e Edge, trail TrailReader, cursors Cursors) Handler {
	p := endpoint{
		route: "GET /clients/{client}/audit",
		query: []string{"limit", "cursor", "username", "action"},
	}
	return serve(e, p, func(ctx context.Context, r *request[empty]) (any, error) {
		query, err := trailQueryOf(r.Query, r.Client, e.Key)
		if err != nil {
			return nil, err
		}
		list := listOf(p.route, r)
		if query.Before, err = cursors.place(ctx, list, r.Query); err != nil {
			return nil, err
		}
		entries, next, err := trail.Entries(ctx, query)
		if err != nil {
			return nil, err
		}
		answer := auditAnswer{Entries: []entryAnswer{}}
		for _, entry := range entries {
			answer.Entries = append(answer.Entries, entryAnswerOf(entry))
		}
		answer.NextCursor, err = cursors.after(ctx, list, next)
		return answer, err
	})
}

// trailQueryOf reads the parameters. A username that no user can have is looked
// for as it is, since a login charges it so and its locks are in the trail.
func trailQueryOf(query map[string]string, client string, key KeyFunc) (audit.Query, error) {
	limit, faults := limitOf(query)
	q := audit.Query{Client: client, Limit: limit, Username: query["username"], Action: audit.Action(query["action"])}
	if given, ok := query["username"]; ok {
		faults = append(faults, text{given, true}.need("username", maxTrailName)...)
	}
	if _, given := query["action"]; given && !slices.Contains(audit.Actions(), q.Action) {
		faults = append(faults, fault{"action", "must be one of " + actionNames()})
	}
	if k, err := key(client, q.Username); err == nil {
		q.Username = k.Username()
	}
	return q, invalid(faults)
}

// actionNames lists the actions, with commas.
func actionNames() string {
	var names []string
	for _, action := range audit.Actions() {
		names = append(names, string(action))
	}
	return strings.Join(names, ", ")
}

type auditAnswer struct {
	Entries    []entryAnswer `json:"entries"`
	NextCursor string        `json:"next_cursor,omitzero"`
}

type entryAnswer struct {
	ID        string        `json:"id"`
	At        string        `json:"at"`
	Action    audit.Action  `json:"action"`
	Actor     string        `json:"actor"`
	Username  string        `json:"username,omitzero"`
	SourceIP  string        `json:"source_ip,omitzero"`
	RequestID string        `json:"request_id,omitzero"`
	Reason    string        `json:"reason,omitzero"`
	Details   detailsAnswer `json:"details,omitzero"`
}

// detailsAnswer writes the times of the evidence as the API does.
type detailsAnswer struct {
	audit.Details
	Evidence []evidenceAnswer `json:"evidence,omitempty"`
}

func entryAnswerOf(e audit.Entry) entryAnswer {
	return entryAnswer{
		ID: e.ID, At: stamp(e.At), Action: e.Action, Actor: e.Actor, Username: e.Username,
		SourceIP: e.SourceIP, RequestID: e.RequestID, Reason: e.Reason,
		Details: detailsAnswerOf(e.Details),
	}
}

func detailsAnswerOf(d audit.Details) detailsAnswer {
	evidence := d.Evidence
	if d.Evidence = nil; len(evidence) == 0 {
		return detailsAnswer{Details: d}
	}
	return detailsAnswer{d, evidenceAnswersOf(evidence)}
}
