package bill

import "math"

// A Month is a month's traffic.
type Month struct {
	Logins   float64 // attempts of honest users
	FailRate float64 // the part of them with a wrong password
	Users    float64 // who log in at least once
	LockRate float64 // locks for each failed attempt; each is unlocked once
}

// Month returns what the honest logins of a month cost, without what is standing
// and stored.
func (in Inputs) Month(m Month) Amount {
	wrong := m.Logins * m.FailRate
	a := in.Request(Right).Amount.Times(m.Logins - wrong)
	a = a.Plus(in.Request(Wrong).Amount.Times(wrong * (1 - m.LockRate)))
	a = a.Plus(in.Request(Locking).Amount.Times(wrong * m.LockRate))
	a[ActiveUsers] = math.Max(0, m.Users-FreeActiveUsers)
	return a
}

// A Stored is what is kept of one user after a year.
type Stored struct {
	UserBytes, RecordBytes, EntryBytes, LogBytes float64
	Amount                                       Amount // of the year's end, for a month
}

// Year returns what one user leaves in a year of so many logins and locks. The
// index's entry of a lock and Cognito's copy are not in it.
func (in Inputs) Year(logins, locks float64) Stored {
	s := Stored{
		UserBytes:   float64(in.userBytes() + indexBytes),
		RecordBytes: float64(in.recordBytes(state{}) + indexBytes),
		EntryBytes:  2 * locks * float64(in.entryBytes(in.Maximum, false)+indexBytes), // a lock and an unlock
		LogBytes:    logins * float64(accessLine+platformLines+LoginLogBytes) * math.Min(1, float64(in.LogDays)/365),
	}
	tables := s.UserBytes + s.RecordBytes + s.EntryBytes
	s.Amount = Amount{
		StoredGBMonths: tables / (1 << 30), BackedGBMonths: tables / (1 << 30), LogGBMonths: s.LogBytes / (1 << 30),
	}
	return s
}

// indexBytes are what DynamoDB adds to each stored item, from the Developer
// Guide, "DynamoDB item sizes and formats".
const indexBytes = 100
