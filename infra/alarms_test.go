package infra_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"portcullis/internal/metrics"
)

// An alarmResource is what these tests read of an alarm.
type alarmResource struct {
	Name        text             `yaml:"AlarmName"`
	Description string           `yaml:"AlarmDescription"`
	OnAlarm     yaml.Node        `yaml:"AlarmActions"`
	OnEnd       yaml.Node        `yaml:"OKActions"`
	Missing     string           `yaml:"TreatMissingData"`
	Comparison  string           `yaml:"ComparisonOperator"`
	Threshold   yaml.Node        `yaml:"Threshold"`
	Metric      `yaml:",inline"` // of an alarm on one metric
	Statistic   string           `yaml:"Statistic"`
	Percentile  string           `yaml:"ExtendedStatistic"`
	Metrics     []struct {
		ID         string `yaml:"Id"`
		Expression string `yaml:"Expression"`
		Returns    bool   `yaml:"ReturnData"`
		Stat       struct {
			Metric    Metric `yaml:"Metric"`
			Statistic string `yaml:"Stat"`
		} `yaml:"MetricStat"`
	} `yaml:"Metrics"`
}

// A Metric is where CloudWatch finds one.
type Metric struct {
	Namespace  string `yaml:"Namespace"`
	MetricName string `yaml:"MetricName"`
	Dimensions []struct {
		Name  string `yaml:"Name"`
		Value text   `yaml:"Value"`
	} `yaml:"Dimensions"`
}

func (a alarmResource) metrics() []Metric {
	all := []Metric{a.Metric}
	for _, m := range a.Metrics {
		all = append(all, m.Stat.Metric)
	}
	return slices.DeleteFunc(all, func(m Metric) bool { return m.Namespace == "" })
}

// alarmResources returns the alarms of all templates by their logical ids, and
// fails when there is none.
func alarmResources(t *testing.T) map[string]alarmResource {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "infra", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]alarmResource{}
	for _, path := range append(paths, filepath.Join(root, mainTemplate)) {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, alarmsIn(t, readTemplateFile(t, name)))
	}
	if len(all) == 0 {
		t.Fatal("there is no alarm")
	}
	return all
}

func alarmsIn(t *testing.T, tpl template) map[string]alarmResource {
	t.Helper()
	all := map[string]alarmResource{}
	for id, r := range tpl.Resources {
		if r.Type == "AWS::CloudWatch::Alarm" {
			var a alarmResource
			tpl.properties(t, id, &a)
			all[id] = a
		}
	}
	return all
}

// written says which metrics somebody writes, by namespace, name and
// dimensions. Ours are package metrics'; AWS's are from the pages "Metrics" of
// the developer guides of API Gateway, Lambda, DynamoDB, SQS and WAF.
func written() map[string]bool {
	all := map[string]bool{}
	add := func(namespace, dimensions string, names ...string) {
		for _, name := range names {
			all[namespace+" "+name+" "+dimensions] = true
		}
	}
	for _, c := range metrics.Counts() {
		add(metrics.Namespace, "Stage", string(c))
	}
	for _, l := range metrics.Latencies() {
		add(metrics.Namespace, "Function Stage", string(l))
	}
	for _, dimensions := range []string{"ApiName", "ApiName Stage", "ApiName Method Resource Stage"} { // the last where they are detailed
		add("AWS/ApiGateway", dimensions, "4XXError", "5XXError", "Count", "IntegrationLatency", "Latency")
	}
	for _, dimensions := range []string{"FunctionName", "FunctionName Resource", "ExecutedVersion FunctionName Resource"} {
		add("AWS/Lambda", dimensions, "Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions", "IteratorAge")
	}
	add("AWS/DynamoDB", "Operation TableName", "SystemErrors", "ThrottledRequests", "SuccessfulRequestLatency")
	add("AWS/DynamoDB", "TableName", "ReadThrottleEvents", "WriteThrottleEvents", "ConditionalCheckFailedRequests")
	add("AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
	add("AWS/WAFV2", "Region Rule WebACL", "BlockedRequests", "AllowedRequests", "CountedRequests")
	return all
}

// check says which of the metrics that the alarm reads nobody writes.
func (a alarmResource) check(written map[string]bool) []string {
	var problems []string
	for _, m := range a.metrics() {
		var dimensions []string
		for _, d := range m.Dimensions {
			dimensions = append(dimensions, d.Name)
		}
		slices.Sort(dimensions)
		if key := fmt.Sprintf("%s %s %s", m.Namespace, m.MetricName, strings.Join(dimensions, " ")); !written[key] {
			problems = append(problems, "nobody writes "+key)
		}
	}
	if len(a.metrics()) == 0 {
		problems = append(problems, "reads no metric")
	}
	return problems
}

func TestEveryAlarmReadsAMetricThatIsWritten(t *testing.T) {
	written := written()
	for id, a := range alarmResources(t) {
		for _, problem := range a.check(written) {
			t.Errorf("%s: %s", id, problem)
		}
	}
}

func TestTheAlarmCheckCanFail(t *testing.T) {
	const head = "Resources: {A: {Type: AWS::CloudWatch::Alarm, Properties: "
	for text, good := range map[string]bool{
		"{Namespace: Portcullis, MetricName: Locks, Dimensions: [{Name: Stage, Value: !Ref Stage}]}":                              true,
		"{Namespace: AWS/DynamoDB, MetricName: SystemErrors, Dimensions: [{Name: TableName}, {Name: Operation, Value: PutItem}]}": true,
		"{Metrics: [{Id: a, Expression: b / c}, {Id: b, MetricStat: {Metric: {Namespace: AWS/SQS, " +
			"MetricName: ApproximateNumberOfMessagesVisible, Dimensions: [{Name: QueueName}]}}}]}": true,
		"{Namespace: Portcullis, MetricName: Lock, Dimensions: [{Name: Stage}]}":                                               false,
		"{Namespace: Portcullis, MetricName: Locks}":                                                                           false,
		"{Namespace: Portcullis, MetricName: StoreLatency, Dimensions: [{Name: Stage}]}":                                       false,
		"{Metrics: [{MetricStat: {Metric: {Namespace: AWS/Lambda, MetricName: Faults, Dimensions: [{Name: FunctionName}]}}}]}": false,
		"{Metrics: [{Id: a, Expression: 1 + 1}]}":                                                                              false,
	} {
		found := alarmsIn(t, parseTemplate(t, []byte(head+text+"}}")))
		if got := found["A"].check(written()); (len(got) == 0) != good {
			t.Errorf("%s: got %q", text, got)
		}
	}
}

// TestTheFunctionsNameThemselvesInTheirMetrics: an alarm on a latency goes by
// the folder's name.
func TestTheFunctionsNameThemselvesInTheirMetrics(t *testing.T) {
	recorders := regexp.MustCompile(`metrics\.NewRecorder\(os\.Stdout, string\(c\.Stage\), "([a-z-]+)", time\.Now\)`)
	var told []string
	for _, path := range filesOf(t) {
		if !strings.HasPrefix(filepath.ToSlash(path), "functions/") || filepath.Base(path) != "main.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range recorders.FindAllStringSubmatch(string(text), -1) {
			told = append(told, found[1])
			if folder := filepath.Base(filepath.Dir(path)); found[1] != folder {
				t.Errorf("%s calls itself %s", folder, found[1])
			}
		}
	}
	slices.Sort(told)
	if diff := cmp.Diff([]string{"login", "manage-user", "query", "unlock-user"}, told); diff != "" {
		t.Errorf("functions with metrics (-want +got):\n%s", diff)
	}
}

// TestTheRunbookHasEveryAlarm compares its headings, of the third level under
// "Alarms", with the templates.
func TestTheRunbookHasEveryAlarm(t *testing.T) {
	text, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Alarms\n")
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(heading[1], ", ") {
			told[name] = true
		}
	}
	if len(told) == 0 {
		t.Fatal("the runbook tells of no alarm")
	}
	all := alarmResources(t)
	for id := range all {
		if !told[id] {
			t.Errorf("the runbook does not say what to do about %s", id)
		}
	}
	for name := range told {
		if _, there := all[name]; !there {
			t.Errorf("the runbook tells of %s, which no template has", name)
		}
	}
}
