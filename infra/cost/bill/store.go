package bill

// A Call is one call of DynamoDB.
type Call struct {
	Operation string // such as "UpdateItem"
	// Refused says that the write's condition did not hold. It is billed all the
	// same, by the size of the item that refused it (DynamoDB Developer Guide,
	// "Condition and filter expressions": the write still consumes units).
	Refused     bool
	Write, Read float64 // capacity units
}

// A Visit is one attempt, by what its user's record was before it.
type Visit struct {
	Maximum int
	Failed  int  // before it
	Locked  bool // before it
	Lately  bool // the process has lately seen that the user is locked
	Right   bool // the password
	Unknown bool // nobody has the name
}

// locks reports whether the attempt is the one that locks.
func (v Visit) locks() bool { return !v.Locked && !v.Right && v.Failed+1 >= v.Maximum }

// Store returns the calls of an attempt that nothing gets in the way of, in the
// order of their names where they run side by side: the read of the user and the
// charge, and then the verdict. A user whom the process has lately seen locked
// costs one read of the record.
func (s Shape) Store(v Visit) []Call {
	before := state{failed: v.Failed, locked: v.Locked, unknown: v.Unknown}
	if v.Lately {
		return []Call{{Operation: "GetItem", Read: readUnits(s.recordBytes(before)) / 2}} // eventually consistent
	}
	read := Call{Operation: "GetItem", Read: readUnits(s.userBytes())}
	if v.Locked {
		size := s.recordBytes(before)
		return []Call{read, {Operation: "UpdateItem", Refused: true, Write: writeUnits(size, size)}}
	}
	charged := before
	charged.inFlight++
	charge := Call{Operation: "UpdateItem", Write: writeUnits(s.recordBytes(before), s.recordBytes(charged))}
	return []Call{read, charge, s.verdict(v, charged)}
}

// verdict is the write that settles. The one that locks is a transaction with
// its audit entry, which doubles the units of both, and comes into the index of
// locked users if the user is known.
func (s Shape) verdict(v Visit, charged state) Call {
	after := state{failed: v.Failed + 1, unknown: v.Unknown, locked: v.locks()}
	if v.Right {
		after = state{}
	}
	write := writeUnits(s.recordBytes(charged), s.recordBytes(after))
	if !v.locks() {
		return Call{Operation: "UpdateItem", Write: write}
	}
	write += writeUnits(0, s.entryBytes(after.failed, v.Unknown))
	write *= 2
	if !v.Unknown {
		write++ // the index has the keys alone, and is written without the transaction
	}
	return Call{Operation: "TransactWriteItems", Write: write}
}

// RefusedWrite returns the write units of a charge that a record refuses: what
// every request costs whose user is locked.
func (s Shape) RefusedWrite(maximum int) float64 {
	size := s.recordBytes(state{failed: maximum, locked: true})
	return writeUnits(size, size)
}
