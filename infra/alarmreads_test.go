package infra_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The dimensions that many alarms share.
const (
	ofStage = "Stage=!Ref Stage"
	ofAPI   = "ApiName=!Sub portcullis-${Stage} " + ofStage
)

// alarmsWanted returns what each alarm reads: namespace, metric, statistic, and
// the dimensions with their values.
func alarmsWanted(t *testing.T) map[string][]string {
	t.Helper()
	wanted := map[string][]string{
		"ServerErrors":      {"AWS/ApiGateway 5XXError Sum " + ofAPI, "AWS/ApiGateway Count Sum " + ofAPI},
		"AuthorizerErrors":  {"AWS/Lambda Errors Sum FunctionName=!Ref AuthorizerName"},
		"LoginSlow":         {"AWS/ApiGateway Latency p99 ApiName=!Sub portcullis-${Stage} Method=POST Resource=/login " + ofStage},
		"LoginsUnavailable": {"Portcullis LoginsUnavailable Sum " + ofStage},
		"LoginThrottled":    {"AWS/Lambda Throttles Sum FunctionName=!Sub portcullis-${Stage}-login"},
		"StoreSlow":         {"Portcullis StoreLatency p99 Function=login " + ofStage},
		"LockSurge":         {"Portcullis Locks Sum " + ofStage},
		"PolicyFallback":    {"Portcullis PolicyFallbacks Sum " + ofStage},
		"DeadAttempts":      {"Portcullis Reclaims Sum " + ofStage},
		"UnpublishedEvents": {"AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=!Sub portcullis-${Stage}-unpublished-events"},
		"EventsLate":        {"AWS/Lambda IteratorAge Maximum FunctionName=!Sub portcullis-${Stage}-publish-events"},
	}
	for _, name := range functionFolders(t) {
		if name != "authorizer" && name != "publish-events" { // which have alarms of their own
			wanted["FunctionErrors"] = append(wanted["FunctionErrors"], "AWS/Lambda Errors Sum FunctionName=!Sub portcullis-${Stage}-"+name)
		}
	}
	for _, table := range []string{"AttemptsTable", "UsersTable", "AuditTable"} {
		of := " TableName=!Ref " + table
		wanted[table+"Errors"] = []string{"AWS/DynamoDB ReadThrottleEvents Sum" + of, "AWS/DynamoDB WriteThrottleEvents Sum" + of}
		for _, operation := range operationsWatched() {
			wanted[table+"Errors"] = append(wanted[table+"Errors"], "AWS/DynamoDB SystemErrors Sum Operation="+operation+of)
		}
	}
	return wanted
}

// operationsWatched are those that CloudWatch counts the errors of, each for
// itself.
func operationsWatched() []string {
	return []string{"GetItem", "UpdateItem", "PutItem", "Query", "BatchGetItem", "TransactWriteItems"}
}

// reads returns what an alarm reads, as alarmsWanted does.
func (a alarmResource) reads() []string {
	line := func(m Metric, statistic string) string {
		words := []string{}
		for _, d := range m.Dimensions {
			words = append(words, d.Name+"="+string(d.Value))
		}
		slices.Sort(words)
		return strings.Join(slices.Concat([]string{m.Namespace, m.MetricName, statistic}, words), " ")
	}
	var all []string
	if a.Namespace != "" {
		all = append(all, line(a.Metric, a.Statistic+a.Percentile))
	}
	for _, m := range a.Metrics {
		if m.Expression == "" {
			all = append(all, line(m.Stat.Metric, m.Stat.Statistic))
		}
	}
	slices.Sort(all)
	return all
}

// ratio is the one expression that is no sum. How many errors it takes is a matter
// of taste.
var ratio = regexp.MustCompile(`^IF\((errors|requests) >= [0-9]+, 100 \* errors / requests, 0\)$`)

// reckons says what is wrong with how an alarm makes one number of its metrics, and
// with which it compares.
func (a alarmResource) reckons() []string {
	var problems []string
	if a.Comparison != "GreaterThanOrEqualToThreshold" {
		problems = append(problems, "rings by "+a.Comparison)
	}
	if strings.Trim(a.Threshold.Value, "0.") == "" {
		problems = append(problems, "rings at "+a.Threshold.Value)
	}
	returned := 0
	for _, m := range a.Metrics {
		if m.Returns {
			returned++
		}
		if m.Expression != "" && (!m.Returns || m.Expression != "SUM(METRICS())" && !ratio.MatchString(m.Expression)) {
			problems = append(problems, "reckons "+m.Expression)
		}
	}
	if returned != min(1, len(a.Metrics)) {
		problems = append(problems, fmt.Sprintf("returns %d numbers", returned))
	}
	return problems
}

// alarmsMislead says which alarms look elsewhere than they should.
func alarmsMislead(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	wanted := alarmsWanted(t)
	for id, a := range alarmsIn(t, tpl) {
		slices.Sort(wanted[id])
		if got := a.reads(); !slices.Equal(got, wanted[id]) {
			problems = append(problems, fmt.Sprintf("%s reads something else (-want +got):\n%s", id, cmp.Diff(wanted[id], got)))
		}
		for _, problem := range a.reckons() {
			problems = append(problems, id+" "+problem)
		}
		delete(wanted, id)
	}
	for id := range wanted {
		problems = append(problems, "there is no "+id)
	}
	return problems
}

func TestEveryAlarmLooksWhereItsNameSays(t *testing.T) {
	for _, problem := range alarmsMislead(t, readTemplateFile(t, alarmsTemplate)) {
		t.Error(problem)
	}
}

// TestTheTablesAlarmsWatchEveryOperation that is made on a table.
func TestTheTablesAlarmsWatchEveryOperation(t *testing.T) {
	seen := 0
	for _, calls := range callsOnRecord(t) {
		for _, a := range calls {
			if !strings.HasPrefix(a.Action, "dynamodb:") {
				continue
			}
			seen++
			if !slices.Contains(operationsWatched(), a.Operation) {
				t.Errorf("no alarm watches %s", a)
			}
		}
	}
	if seen == 0 {
		t.Error("no call of a table is on record")
	}
}
