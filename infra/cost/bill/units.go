package bill

// A Unit is something that AWS counts.
type Unit string

// The units. Those without a price are counted because there is a quota of them.
const (
	FirewallRequests Unit = "WAF requests"
	GatewayRequests  Unit = "API Gateway requests"
	Invocations      Unit = "Lambda requests"
	GBSeconds        Unit = "Lambda GB-s"
	WriteUnits       Unit = "DynamoDB write units"
	ReadUnits        Unit = "DynamoDB read units"
	MintRequests     Unit = "Cognito requests"
	ParameterReads   Unit = "Parameter Store reads"
	KeyUses          Unit = "KMS requests"
	LogGB            Unit = "log GB, taken in"
	StoredGBMonths   Unit = "DynamoDB GB-months"
	BackedGBMonths   Unit = "DynamoDB backup GB-months"
	LogGBMonths      Unit = "log GB-months"
	ActiveUsers      Unit = "Cognito active users"
	Firewalls        Unit = "WAF web ACLs"
	FirewallRules    Unit = "WAF rules"
	Metrics          Unit = "CloudWatch metrics"
	AlarmMetrics     Unit = "CloudWatch metrics of alarms"
	Dashboards       Unit = "CloudWatch dashboards"
)

// Units returns the units, in the order of a table.
func Units() []Unit {
	return []Unit{
		FirewallRequests, GatewayRequests, Invocations, GBSeconds, WriteUnits, ReadUnits, MintRequests, ParameterReads,
		KeyUses, LogGB, StoredGBMonths, BackedGBMonths, LogGBMonths, ActiveUsers, Firewalls, FirewallRules, Metrics,
		AlarmMetrics, Dashboards,
	}
}

// An Amount is how much of each unit. The zero Amount is nothing.
type Amount map[Unit]float64

// Plus returns the sum.
func (a Amount) Plus(b Amount) Amount {
	sum := Amount{}
	for _, u := range Units() {
		if n := a[u] + b[u]; n != 0 {
			sum[u] = n
		}
	}
	return sum
}

// Times returns the amount n times.
func (a Amount) Times(n float64) Amount {
	product := Amount{}
	for u, of := range a {
		product[u] = of * n
	}
	return product
}
