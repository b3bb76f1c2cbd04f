package metrics

import (
	"strconv"
	"time"
)

// The dimensions of a directive, as JSON.
const (
	byStage    = `[["` + StageDimension + `"]]`
	byFunction = `[["` + StageDimension + `","` + FunctionDimension + `"]]`
)

// appendLine appends what is collected as a document of the Embedded Metric
// Format, in one line: which members are metrics under _aws, and the dimensions
// and values beside it. Every text in it is a constant of ours but the stage and
// the function, which are plain names.
func (r *Recorder) appendLine(b []byte) []byte {
	counts, latencies := r.counted(), r.measured()
	b = append(b, `{"_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, r.now().UnixMilli(), 10)
	b = append(b, `,"CloudWatchMetrics":[`...)
	b = appendDirective(b, byStage, "Count", counts)
	if len(counts) > 0 && len(latencies) > 0 {
		b = append(b, ',')
	}
	b = appendDirective(b, byFunction, "Milliseconds", latencies)
	b = appendText(append(b, `]},"`+StageDimension+`":`...), r.stage)
	b = appendText(append(b, `,"`+FunctionDimension+`":`...), r.function)
	for _, c := range counts {
		b = append(appendText(append(b, ','), string(c)), ':')
		b = strconv.AppendInt(b, int64(r.counts[c]), 10)
	}
	for _, l := range latencies {
		b = append(appendText(append(b, ','), string(l)), ':')
		b = appendMilliseconds(b, r.latencies[l])
	}
	return append(b, "}\n"...)
}

// counted returns the counts that there is something of, in a fixed order.
func (r *Recorder) counted() []Count {
	var all []Count
	for _, c := range Counts() {
		if r.counts[c] > 0 {
			all = append(all, c)
		}
	}
	return all
}

// measured returns the latencies that there is something of, in a fixed order.
func (r *Recorder) measured() []Latency {
	var all []Latency
	for _, l := range Latencies() {
		if len(r.latencies[l]) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// appendDirective appends what says that members are metrics, if there are any.
func appendDirective[Name Count | Latency](b []byte, dimensions, unit string, names []Name) []byte {
	if len(names) == 0 {
		return b
	}
	b = append(b, `{"Namespace":"`+Namespace+`","Dimensions":`...)
	b = append(append(b, dimensions...), `,"Metrics":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"Name":`...), string(name))
		b = append(appendText(append(b, `,"Unit":`...), unit), '}')
	}
	return append(b, "]}"...)
}

// appendText appends a text that has nothing to escape.
func appendText(b []byte, text string) []byte {
	return append(append(append(b, '"'), text...), '"')
}

// appendMilliseconds appends the values that a line has room for, as an array
// of numbers to the microsecond.
func appendMilliseconds(b []byte, values []time.Duration) []byte {
	b = append(b, '[')
	for i, v := range values[:min(len(values), maxValues)] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(v.Microseconds())/1000, 'f', -1, 64)
	}
	return append(b, ']')
}
