package flood

import "time"

// A table is partitions, each with a limit of its own. A place in a table is a
// number from 0 to 1: the hash of an item's key, or where a sort key stands in its
// item collection. A partition that is throttled for long is split, which helps
// unless all of it is one place.
type table struct {
	limits     Limits
	partitions []partition
}

type partition struct {
	until         float64 // the places below it, down to the partition before
	writes, reads *bucket
	hotSince      time.Duration
	hotLast       time.Duration
}

func newTable(l Limits, partitions int) *table {
	t := &table{limits: l}
	for i := range max(1, partitions) {
		t.partitions = append(t.partitions, t.partition(float64(i+1)/float64(max(1, partitions))))
	}
	return t
}

func (t *table) partition(until float64) partition {
	l := t.limits
	return partition{
		until: until, writes: newBucket(l.PartitionWrites, l.PartitionWrites), reads: newBucket(l.PartitionReads, l.PartitionReads),
		hotSince: -1,
	}
}

// at returns the index of a place's partition.
func (t *table) at(place float64) int {
	for i := range t.partitions {
		if place < t.partitions[i].until {
			return i
		}
	}
	return len(t.partitions) - 1
}

func (t *table) write(now time.Duration, place, units float64) bool {
	i := t.at(place)
	return t.heat(now, i, t.partitions[i].writes.take(now, units))
}

func (t *table) read(now time.Duration, place, units float64) bool {
	i := t.at(place)
	return t.heat(now, i, t.partitions[i].reads.take(now, units))
}

// cool is how long a partition must have been left alone to count as cool again.
const cool = 5 * time.Second

// heat notes whether a partition refused, and splits one that has for long.
func (t *table) heat(now time.Duration, i int, ok bool) bool {
	if ok {
		return true
	}
	p := &t.partitions[i]
	if p.hotSince < 0 || now-p.hotLast > cool {
		p.hotSince = now
	}
	p.hotLast = now
	if now-p.hotSince >= t.limits.SplitAfter {
		t.split(i)
	}
	return false
}

func (t *table) split(i int) {
	from := 0.0
	if i > 0 {
		from = t.partitions[i-1].until
	}
	lower := t.partition((from + t.partitions[i].until) / 2)
	t.partitions[i].hotSince = -1
	t.partitions = append(t.partitions[:i], append([]partition{lower}, t.partitions[i:]...)...)
}
