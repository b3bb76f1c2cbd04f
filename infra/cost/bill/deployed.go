package bill

import "time"

// A Deployment is what template.yaml sets that costs or bounds costs.
type Deployment struct {
	LoginMemory        int // MB
	OtherMemory        int // MB, of query and the authorizer
	LoginConcurrency   int
	LoginRate          int // requests a second, that the gateway lets through
	LoginBurst         int
	RequestRate        int // the same for any other method
	LoginsPerAddress   int // in five minutes, that the firewall lets through
	RequestsPerAddress int
	Lifetime           time.Duration // of an attempt
	LogDays            int
}

// Deployed returns the template's defaults.
func Deployed() Deployment {
	return Deployment{
		LoginMemory: 1769, OtherMemory: 256, LoginConcurrency: 20, LoginRate: 100, LoginBurst: 50, RequestRate: 200,
		LoginsPerAddress: 100, RequestsPerAddress: 2000, Lifetime: 10 * time.Second, LogDays: 365,
	}
}

// Standing returns what a month costs in which nobody logs in. The metrics are an
// upper bound: AWS bills a metric by the hour in which it is told something.
func Standing() Amount {
	const (
		counts          = 10    // of package metrics, one dimension
		latencies       = 4 + 1 // StoreLatency of four functions, HashLatency of login
		methods         = 31    // of the API; MetricsEnabled makes metrics of each
		metricsOfMethod = 5     // 4XXError, 5XXError, Count, Latency, IntegrationLatency
		ofAlarms        = 44    // an alarm on a formula is billed by the metrics it reads
	)
	return Amount{
		Firewalls: 2, FirewallRules: 6 + 3, Metrics: counts + latencies + methods*metricsOfMethod,
		AlarmMetrics: ofAlarms, Dashboards: 1,
	}
}
