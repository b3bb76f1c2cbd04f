package metrics

// A Count is the name of a metric that counts, with the dimension Stage. The
// alarms and the dashboard go by these names, so they stay as they are.
type Count string

// What became of login attempts: each ends as one of these five.
const (
	LoginsWelcome     Count = "LoginsWelcome"     // the password was right
	LoginsWrong       Count = "LoginsWrong"       // it was wrong, or the user unknown
	LoginsLocked      Count = "LoginsLocked"      // the user was locked, perhaps by this very attempt
	LoginsBusy        Count = "LoginsBusy"        // other attempts of the user were in flight
	LoginsUnavailable Count = "LoginsUnavailable" // a fault of ours: nothing was said
)

// What was written into the records of attempts, and what could not be read.
const (
	Locks           Count = "Locks"           // users who became locked
	Unlocks         Count = "Unlocks"         // locks that somebody cleared
	Refunds         Count = "Refunds"         // charges given back, because we failed
	Reclaims        Count = "Reclaims"        // charges of attempts that died, taken back
	PolicyFallbacks Count = "PolicyFallbacks" // looks at a client's maximum that failed
)

// Counts are all counts there are.
func Counts() []Count {
	return []Count{
		LoginsWelcome, LoginsWrong, LoginsLocked, LoginsBusy, LoginsUnavailable,
		Locks, Unlocks, Refunds, Reclaims, PolicyFallbacks,
	}
}

// A Latency is the name of a metric of durations in milliseconds, with the
// dimensions Stage and Function.
type Latency string

// What is measured.
const (
	StoreLatency Latency = "StoreLatency" // one call of the stores of attempts and users
	HashLatency  Latency = "HashLatency"  // one comparison of a password
)

// Latencies are all latencies there are.
func Latencies() []Latency { return []Latency{StoreLatency, HashLatency} }

// Namespace is CloudWatch's for all of them.
const Namespace = "Portcullis"

// The dimensions.
const (
	StageDimension    = "Stage"
	FunctionDimension = "Function"
)
