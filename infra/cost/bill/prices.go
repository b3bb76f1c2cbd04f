package bill

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Region is the region whose prices [Prices] are. Others differ, most by 0 to
// 25 %; WAF's are the same everywhere.
const Region = "us-east-1"

// A Price is what one unit costs, in the first tier and beyond what is free.
type Price struct {
	Unit    Unit    `json:"unit"`
	Dollars float64 `json:"dollars"`
	Per     float64 `json:"per"` // units
	// Page is the public page where the price is said today. Nothing here has
	// been read from it: the stored copies have no numbers in them.
	Page string `json:"page"`
	// Source is where the number was read, and Seen when that was written or
	// read in turn.
	Source string `json:"source"`
	Seen   string `json:"seen"`
}

// per returns the price of one unit.
func (p Price) per() float64 { return p.Dollars / p.Per }

// A Tariff is the prices by their units.
type Tariff map[Unit]Price

// million is how AWS words most of its prices.
const million = 1e6

// Prices returns the prices that were found, each with its age. They were looked
// up on 2026-11-25 in stored copies of public pages.
func Prices() Tariff {
	const (
		gateway    = "aws.amazon.com/api-gateway/pricing"
		lambda     = "aws.amazon.com/lambda/pricing"
		dynamodb   = "aws.amazon.com/dynamodb/pricing/on-demand"
		firewall   = "aws.amazon.com/waf/pricing"
		cognito    = "aws.amazon.com/cognito/pricing"
		cloudwatch = "aws.amazon.com/cloudwatch/pricing"
		kms        = "aws.amazon.com/kms/pricing"

		waf        = "awsnegotiations.com and c3x.dev on WAF"
		airbyte    = "airbyte.com on DynamoDB, after the cut of November 2024"
		transcript = "api-evangelist's transcript of AWS's page; first tier"
	)
	tariff := Tariff{}
	for _, p := range []Price{
		{FirewallRequests, 0.60, million, firewall, waf, "2026"},
		{Firewalls, 5, 1, firewall, waf, "2026"},
		{FirewallRules, 1, 1, firewall, waf, "2026"},
		{GatewayRequests, 3.50, million, gateway, "an AWS whitepaper on private APIs, and open-exam-prep.com", "2026-06"},
		{Invocations, 0.20, million, lambda, "thebiggish.pages.dev on Lambda", "2025"},
		{GBSeconds, 0.0000166667, 1, lambda, "cloudchipr.com on Lambda; x86, first tier", "2024"},
		{WriteUnits, 0.625, million, dynamodb, airbyte, "2025-07-21"},
		{ReadUnits, 0.125, million, dynamodb, airbyte, "2025-07-21"},
		{StoredGBMonths, 0.25, 1, dynamodb, "a stored copy of AWS's DynamoDB page", "before 2024"},
		{BackedGBMonths, 0.20, 1, dynamodb, "remembered, not found: continuous backups", "unknown"},
		{ActiveUsers, 0.015, 1, cognito, "AWS's worked examples as transcribed by api-evangelist; plan Essentials", "2026-09-20"},
		{LogGB, 0.50, 1, cloudwatch, transcript, "2026-05-05"},
		{LogGBMonths, 0.03, 1, cloudwatch, transcript, "2026-05-05"},
		{Metrics, 0.30, 1, cloudwatch, transcript, "2026-05-05"},
		{AlarmMetrics, 0.10, 1, cloudwatch, transcript, "2026-05-05"},
		{Dashboards, 3, 1, cloudwatch, "factualminds.com on CloudWatch", "2026-06-13"},
		{KeyUses, 0.03, 10_000, kms, "remembered, not found", "unknown"},
	} {
		tariff[p.Unit] = p
	}
	return tariff
}

// FreeActiveUsers is how many active users a month cost nothing in the plans
// Essentials and Lite, from the source of that price.
const FreeActiveUsers = 10_000

// Read lays the prices of a JSON file over these: a list of objects as [Price]
// has them. A unit that there is not, a price below zero, and one without the
// number of units that it is for, is an error.
func (t Tariff) Read(text []byte) error {
	var given []Price
	if err := json.Unmarshal(text, &given); err != nil {
		return fmt.Errorf("reading prices: %w", err)
	}
	for _, p := range given {
		switch {
		case !slices.Contains(Units(), p.Unit):
			return fmt.Errorf("reading prices: there is no unit %q", p.Unit)
		case p.Dollars < 0 || p.Per <= 0:
			return fmt.Errorf("reading prices: %s: want dollars of 0 or more, per 1 or more units", p.Unit)
		}
		t[p.Unit] = p
	}
	return nil
}

// Dollars returns what an amount costs. A unit without a price costs nothing.
func (t Tariff) Dollars(a Amount) float64 {
	sum := 0.0
	for _, u := range Units() { // in one order, so that the sum is the same each time
		if p, priced := t[u]; priced {
			sum += a[u] * p.per()
		}
	}
	return sum
}
