package metrics

import (
	"context"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// A Gate runs login attempts; [lockout.Gate] is one.
type Gate[C lockout.Credential] interface {
	Attempt(ctx context.Context, a lockout.Attempt) (lockout.Verdict[C], error)
}

// WatchGate returns the gate, with each attempt counted as what became of it.
func WatchGate[C lockout.Credential](r *Recorder, gate Gate[C]) Gate[C] {
	return watchedGate[C]{r, gate}
}

type watchedGate[C lockout.Credential] struct {
	r    *Recorder
	gate Gate[C]
}

// Attempt runs one attempt.
func (w watchedGate[C]) Attempt(ctx context.Context, a lockout.Attempt) (lockout.Verdict[C], error) {
	became := LoginsUnavailable // by a panic too
	defer func() { w.r.Count(became) }()
	verdict, err := w.gate.Attempt(ctx, a)
	became = countOf(verdict.Ruling, err)
	return verdict, err
}

func countOf(ruling lockout.Ruling, err error) Count {
	if err != nil {
		return LoginsUnavailable
	}
	switch ruling {
	case lockout.Welcome:
		return LoginsWelcome
	case lockout.Wrong:
		return LoginsWrong
	case lockout.Locked:
		return LoginsLocked
	case lockout.Busy:
		return LoginsBusy
	}
	return LoginsUnavailable
}

// WatchAttempts returns the store, with its transitions counted once they are
// applied, and its calls measured. One whose answer was lost and which was found
// to be applied when it was sent again is not counted.
func WatchAttempts(r *Recorder, store lockout.Attempts) lockout.Attempts {
	return watchedAttempts{r, store}
}

type watchedAttempts struct {
	r     *Recorder
	store lockout.Attempts
}

// Apply runs one transition.
func (w watchedAttempts) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	defer w.r.since(StoreLatency, w.r.now())
	result, err := w.store.Apply(ctx, key, t)
	if err == nil && result.Outcome == lockout.Applied {
		if c, counted := countOfApplied(t, result); counted {
			w.r.Count(c)
		}
	}
	return result, err
}

// countOfApplied returns what an applied transition counts as. Charges and
// verdicts are the gate's to count.
func countOfApplied(t lockout.Transition, result lockout.Result) (c Count, counted bool) {
	switch t := t.(type) {
	case lockout.Fail:
		return Locks, result.Event != nil
	case lockout.Unlock:
		return Unlocks, t.Seen.Locked()
	case lockout.Refund:
		return Refunds, true
	case lockout.Reclaim:
		return Reclaims, true
	}
	return "", false
}

// Read returns a record.
func (w watchedAttempts) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	defer w.r.since(StoreLatency, w.r.now())
	return w.store.Read(ctx, key)
}

// A Credential is what the login handler needs of one.
type Credential interface {
	lockout.Credential
	User() access.User
	Upgrade(ctx context.Context, password string) error
}

// A Watched is a credential whose comparisons are measured. With a nil one, as
// in the zero Verdict, nothing may be done.
type Watched struct {
	Credential
	r *Recorder
}

// Compare compares the password, and measures that and the wait for it.
func (w Watched) Compare(ctx context.Context, password string) (bool, error) {
	defer w.r.since(HashLatency, w.r.now())
	return w.Credential.Compare(ctx, password)
}

// WatchCredentials returns the store, with its reads and the comparisons of its
// credentials measured.
func WatchCredentials[C Credential](r *Recorder, store lockout.Credentials[C]) lockout.Credentials[Watched] {
	return watchedCredentials[C]{r, store}
}

type watchedCredentials[C Credential] struct {
	r     *Recorder
	store lockout.Credentials[C]
}

// Credential returns the user's credential.
func (w watchedCredentials[C]) Credential(ctx context.Context, key lockout.Key) (Watched, error) {
	defer w.r.since(StoreLatency, w.r.now())
	c, err := w.store.Credential(ctx, key)
	return Watched{c, w.r}, err
}

// WatchPolicy returns what package policy reports to: report, with each fault
// counted.
func WatchPolicy(r *Recorder, report func(client string, err error)) func(client string, err error) {
	return func(client string, err error) {
		r.Count(PolicyFallbacks)
		report(client, err)
	}
}
