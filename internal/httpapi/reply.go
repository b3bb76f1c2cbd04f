package httpapi

import "net/http"

// A reply is an answer that is no problem, ready to be sent.
type reply struct {
	status  int
	headers map[string]string // beside those of every answer
	body    []byte            // JSON unless a header says otherwise; nil for none
}

// What a handler's do returns when the answer is not 200 with a body.
type (
	// created is 201, with what there is now.
	created struct{ body any }
	// done is 204: it was done, and there is nothing to tell.
	done struct{}
)

// replyOf spells what a handler says: a [reply] as it is, [created] and [done]
// as their statuses, and anything else as the JSON of a 200.
func replyOf(said any) (reply, error) {
	answer, status := said, http.StatusOK
	switch said := said.(type) {
	case reply:
		return said, nil
	case done:
		return reply{status: http.StatusNoContent}, nil
	case created:
		answer, status = said.body, http.StatusCreated
	}
	body, err := marshal(answer)
	return reply{status: status, body: body}, err
}
