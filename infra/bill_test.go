package infra_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"portcullis/infra/cost/bill"
	"portcullis/internal/metrics"
)

// TestTheBillKnowsTheTemplate compares the numbers that costs and the simulation
// begin with, with those of the template.
func TestTheBillKnowsTheTemplate(t *testing.T) {
	tpl := readTemplate(t)
	number := func(parameter string) int {
		n, err := strconv.Atoi(string(tpl.Parameters[parameter].Default))
		if err != nil {
			t.Errorf("%s: %v", parameter, err)
		}
		return n
	}
	memory := func(id string) int {
		var f struct {
			MemorySize int `yaml:"MemorySize"`
		}
		tpl.properties(t, id, &f)
		return f.MemorySize
	}
	var globals struct {
		Globals struct {
			Function struct {
				MemorySize int `yaml:"MemorySize"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
	}
	if err := yaml.Unmarshal(readFile(t, mainTemplate), &globals); err != nil {
		t.Fatal(err)
	}
	want := bill.Deployment{
		LoginMemory: memory("LoginFunction"), OtherMemory: globals.Globals.Function.MemorySize,
		LoginConcurrency: number("LoginConcurrency"), LoginRate: number("LoginRate"), LoginBurst: number("LoginBurst"),
		RequestRate: number("RequestRate"), LoginsPerAddress: number("LoginsPerAddress"), RequestsPerAddress: number("RequestsPerAddress"),
		Lifetime: time.Duration(number("AttemptLifetimeSeconds")) * time.Second, LogDays: number("LogRetentionDays"),
	}
	if diff := cmp.Diff(want, bill.Deployed()); diff != "" {
		t.Errorf("deployed (-template +bill):\n%s", diff)
	}
	for _, id := range []string{"QueryFunction", "AuthorizerFunction"} {
		if own := memory(id); own != 0 {
			t.Errorf("%s has %d MB of its own, and is billed as the others", id, own)
		}
	}
}

// TestTheBillCountsWhatStands compares what a month costs in which nobody logs in
// with what the templates make.
func TestTheBillCountsWhatStands(t *testing.T) {
	got := bill.Standing()
	firewalls, rules := 0.0, 0.0
	tpl := readTemplateFile(t, "infra/firewall.yaml")
	for id, r := range tpl.Resources {
		if r.Type != "AWS::WAFv2::WebACL" {
			continue
		}
		var acl struct {
			Rules []yaml.Node `yaml:"Rules"`
		}
		tpl.properties(t, id, &acl)
		firewalls++
		rules += float64(len(acl.Rules))
	}
	read := 0
	for _, a := range alarmResources(t) {
		read += len(a.metrics())
	}
	methods := 0
	for _, f := range readTemplate(t).functions(t) {
		methods += len(f.Events)
	}
	dashboards := strings.Count(string(readFile(t, "infra/alarms.yaml")), "Type: AWS::CloudWatch::Dashboard")
	recorders := 0
	for _, s := range readSources(t) {
		if !s.isTest() && s.uses(modulePath+"internal/metrics", "NewRecorder") {
			recorders++ // each has the StoreLatency; login has the HashLatency too
		}
	}
	const ofAMethod = 5
	want := bill.Amount{
		bill.Firewalls: firewalls, bill.FirewallRules: rules, bill.AlarmMetrics: float64(read),
		bill.Metrics: float64(len(metrics.Counts()) + recorders + 1 + ofAMethod*methods), bill.Dashboards: float64(dashboards),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what stands (-templates +bill):\n%s", diff)
	}
}
