package faults

// A Kind is what becomes of one try of a call.
type Kind string

// The kinds of faults, as the caller and the service meet them.
const (
	None     Kind = ""         // nothing: it is passed on, and so is its answer
	Refuse   Kind = "refuse"   // the service fails before the effect: 500, nothing is passed on
	Spoil    Kind = "spoil"    // the service fails after the effect: it is passed on, and answered with 500
	Lose     Kind = "lose"     // it is passed on, and the connection ends before the answer
	Hold     Kind = "hold"     // it is passed on, and the answer held until the caller gives up
	Throttle Kind = "throttle" // the service has no room: the service's own 400, nothing is passed on
	Slow     Kind = "slow"     // it is passed on after a wait
	Reset    Kind = "reset"    // the connection is reset, nothing is passed on
	Stale    Kind = "stale"    // a read that need not be consistent gets the first answer it ever got
)

// Kinds returns every kind of fault.
func Kinds() []Kind {
	return []Kind{Refuse, Spoil, Lose, Hold, Throttle, Slow, Reset, Stale}
}

// TakesEffect reports whether the service does what the call asks for.
func (k Kind) TakesEffect() bool { return k != Refuse && k != Throttle && k != Reset }

// Fails reports whether the caller gets no answer to use.
func (k Kind) Fails() bool { return k != None && k != Slow && k != Stale }
