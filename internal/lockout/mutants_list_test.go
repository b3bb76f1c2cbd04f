package lockout_test

// The files that mutants change.
const (
	inTransitions = "transitions.go"
	inRecord      = "record.go"
	inGate        = "gate.go"
	inUnlock      = "unlock.go"
)

func mutants() []mutant {
	var all []mutant
	for _, some := range [][]mutant{
		chargeMutants(), failMutants(), succeedMutants(), takeBackMutants(), orderMutants(), speechMutants(), errorMutants(), unlockMutants(),
	} {
		all = append(all, some...)
	}
	return all
}

func change(file, old, new string) []edit { return []edit{{file, old, new}} }

func chargeMutants() []mutant {
	return []mutant{
		{name: "a charge of a locked user is made", edits: change(inTransitions,
			"	case r.Locked():\n		return refused(r, RefusedLocked)\n	case r.inFlight(t.AttemptID):\n		return refused(r, Repeated)",
			"	case r.inFlight(t.AttemptID):\n		return refused(r, Repeated)")},
		{name: "a charge is made twice", edits: change(inTransitions,
			"	case r.inFlight(t.AttemptID):\n		return refused(r, Repeated)\n	case r.holdsEvidence(t.AttemptID):",
			"	case r.holdsEvidence(t.AttemptID):")},
		{name: "a charge opens an attempt that is settled", edits: change(inTransitions,
			"	case r.holdsEvidence(t.AttemptID):\n		return refused(r, RefusedSettled)\n", "")},
		{name: "a charge without the budget", often: true, edits: change(inTransitions,
			"	case r.Charged >= t.Maximum && r.Charged != r.Failed:", "	case false:")},
		{name: "a budget of one more", edits: change(inTransitions,
			"case r.Charged >= t.Maximum && r", "case r.Charged > t.Maximum && r")},
		{name: "a budget of one less", edits: change(inTransitions,
			"case r.Charged >= t.Maximum && r", "case r.Charged >= t.Maximum-1 && r")},
		{name: "a budget that counts failures alone", edits: change(inTransitions,
			"case r.Charged >= t.Maximum && r", "case r.Failed >= t.Maximum && r")},
		{name: "nobody may prove themselves under a lowered maximum", edits: change(inTransitions,
			"r.Charged >= t.Maximum && r.Charged != r.Failed", "r.Charged >= t.Maximum")},
		{name: "a charge that is refused moves the time of the latest", edits: change(inTransitions,
			"		return refused(r, RefusedBusy)", "		r.ChargedAt = t.At\n		return refused(r, RefusedBusy)")},
		{name: "a charge without its time", edits: change(inTransitions, "	r.ChargedAt = t.At\n", "")},
		{name: "the gate charges under a greater maximum", edits: change(inGate,
			"Charge{AttemptID: t.id, Maximum: t.maximum,", "Charge{AttemptID: t.id, Maximum: t.maximum + 1,")},
	}
}

func failMutants() []mutant {
	return []mutant{
		{name: "a failure of another generation counts", often: true, edits: change(inTransitions,
			"		return refused(r, RefusedLocked)\n	case r.Generation != t.Generation:\n		return refused(r, r.passed(t.Reclaims))\n	case !r.inFlight(id):",
			"		return refused(r, RefusedLocked)\n	case !r.inFlight(id):")},
		{name: "a failure counts past the lock", edits: change(inTransitions,
			"	case r.Locked():\n		return refused(r, RefusedLocked)\n	case r.Generation != t.Generation:\n		return refused(r, r.passed(t.Reclaims))\n	case !r.inFlight(id):",
			"	case r.Generation != t.Generation:\n		return refused(r, r.passed(t.Reclaims))\n	case !r.inFlight(id):")},
		{name: "a failure without a charge counts", edits: change(inTransitions,
			"	case !r.inFlight(id):\n		return refused(r, RefusedReclaimed)\n", "")},
		{name: "a failure that is repeated counts again", edits: change(inTransitions,
			"	case r.holdsEvidence(id):\n		return refused(r, Repeated)\n", "	case r.holdsEvidence(id):\n		r.Failed++\n		return applied(r)\n")},
		{name: "a failure that is repeated is not known", edits: change(inTransitions,
			"	case r.holdsEvidence(id):\n		return refused(r, Repeated)\n", "")},
		{name: "a failure is not counted", edits: change(inTransitions, "	r.Failed++\n", "")},
		{name: "a failure keeps its place", edits: change(inTransitions, "	r = r.without(id)\n", "")},
		{name: "a failure locks one late", edits: change(inTransitions, "if r.Failed < t.Maximum {", "if r.Failed <= t.Maximum {")},
		{name: "a failure locks one early", edits: change(inTransitions, "if r.Failed < t.Maximum {", "if r.Failed < t.Maximum-1 {")},
		{name: "charges lock, and not failures", edits: change(inTransitions, "if r.Failed < t.Maximum {", "if r.Charged < t.Maximum {")},
		{name: "evidence is dropped", edits: change(inTransitions,
			"	r.Evidence = append(slices.Clone(r.Evidence), t.Evidence)\n", "")},
		{name: "only the last evidence is kept", edits: change(inTransitions,
			"r.Evidence = append(slices.Clone(r.Evidence), t.Evidence)", "r.Evidence = []Evidence{t.Evidence}")},
		{name: "a lock without its audit entry", edits: change(inTransitions,
			"	return Result{Outcome: Applied, Record: r, Event: &event}\n}\n\n// Succeed settles", "	return applied(r)\n}\n\n// Succeed settles")},
		{name: "a failure counts under a greater maximum", edits: change(inGate, "		Maximum:    t.maximum,\n", "		Maximum:    t.maximum + 1,\n")},
	}
}

func succeedMutants() []mutant {
	const atSucceed = "	case r.Locked():\n		return refused(r, RefusedLocked)\n	case r.Generation != t.Generation:\n		return refused(r, r.passed(t.Reclaims))\n	case !r.inFlight(t.AttemptID):"
	return []mutant{
		{name: "a success past the lock", edits: change(inTransitions, atSucceed,
			"	case r.Generation != t.Generation:\n		return refused(r, r.passed(t.Reclaims))\n	case !r.inFlight(t.AttemptID):")},
		{name: "a success of another generation clears", edits: change(inTransitions, atSucceed,
			"	case r.Locked():\n		return refused(r, RefusedLocked)\n	case !r.inFlight(t.AttemptID):")},
		{name: "a success without a charge clears", edits: change(inTransitions,
			"	case !r.inFlight(t.AttemptID):\n		return refused(r, RefusedReclaimed)\n	}\n	return applied(r.next())", "	}\n	return applied(r.next())")},
		{name: "a success keeps the count", edits: change(inTransitions, "	return applied(r.next())", "	r.Generation++\n	return applied(r)")},
		{name: "a new generation forgets how often charges were reclaimed", edits: change(inRecord,
			"Record{Generation: r.Generation + 1, Reclaims: r.Reclaims}", "Record{Generation: r.Generation + 1}")},
		{name: "a new generation has the number of the last", edits: change(inRecord,
			"Record{Generation: r.Generation + 1, Reclaims: r.Reclaims}", "Record{Generation: r.Generation, Reclaims: r.Reclaims}")},
		{name: "who was reclaimed speaks in a later generation", often: true, edits: change(inRecord, "if r.Reclaims != reclaims {", "if false {")},
		{name: "a success does not say when it was charged", edits: change(inGate, ", Reclaims: t.charged.Reclaims,\n		}", ",\n		}")},
		{name: "a failure does not say when it was charged", edits: change(inGate, "		Reclaims:   t.charged.Reclaims,\n", "")},
	}
}

func takeBackMutants() []mutant {
	return []mutant{
		{name: "a refund of what is settled", often: true, edits: change(inTransitions,
			"	case !r.inFlight(t.AttemptID):\n		return refused(r, RefusedReclaimed)\n	}\n	r = r.without(t.AttemptID)", "	}\n	r = r.without(t.AttemptID)")},
		{name: "a refund that gives no place back", edits: change(inTransitions, "	r.Charged--\n", "")},
		{name: "a refund of another generation", edits: change(inTransitions,
			"	case r.Generation != t.Generation:\n		return refused(r, RefusedSuperseded)\n	case !r.inFlight(t.AttemptID):", "	case !r.inFlight(t.AttemptID):"),
			equal: "an attempt's id is its own, so a late refund can only take away what a late copy of its charge left"},
		{name: "a reclaim of another generation", edits: change(inTransitions,
			"	case r.Generation != t.Generation:\n		return refused(r, RefusedSuperseded)\n	case !r.ChargedAt", "	case !r.ChargedAt"),
			equal: "a charge of the new generation has another time; and a reclaim that meets the living is counted, and costs them their verdict alone"},
		{name: "a reclaim whatever was charged since", edits: change(inTransitions, "	case !r.ChargedAt.Equal(t.ChargedAt), !t", "	case !t"),
			equal: "a charge made since is no older than the attempt that made it, so the other condition on its time refuses"},
		{name: "a reclaim of what may be alive", edits: change(inTransitions, "!t.dead(r.ChargedAt), len", "len"),
			equal: "the gate asks the same before it sends, and the time must still be the one it read"},
		{name: "a reclaim whenever it is busy", edits: []edit{
			{inTransitions, "!t.dead(r.ChargedAt), len", "len"},
			{inGate, "	if !reclaim.dead(seen.ChargedAt) {\n", "	if false {\n"},
		}},
		{name: "a reclaim that is not counted", edits: change(inTransitions, "	r.Reclaims++\n", "")},
		{name: "a reclaim of nothing", edits: change(inTransitions, ", len(r.InFlight) == 0:", ":"),
			equal: "to count a reclaim too often silences some who were not reclaimed, and lets nobody speak"},
		{name: "a reclaim that forgets the failures", edits: change(inTransitions, "	r.Charged = r.Failed\n", "	r.Charged, r.Failed, r.Evidence = 0, 0, nil\n")},
		{name: "a reclaim that leaves them in flight", edits: change(inTransitions, "	r.InFlight = nil\n	r.Reclaims++", "	r.Reclaims++")},
		{name: "a reclaim at the end of the lifetime, with no room for clocks", often: true, edits: change(inGate, "Add(-t.Lifetime - ClockSkew)", "Add(-t.Lifetime)")},
		{name: "a reclaim that is tried while they live", edits: change(inGate, "	if !reclaim.dead(seen.ChargedAt) {\n", "	if false {\n")},
		{name: "nothing is ever reclaimed", edits: change(inGate, "	if !reclaim.dead(seen.ChargedAt) {\n", "	if true {\n")},
	}
}

func orderMutants() []mutant {
	return []mutant{
		{name: "compare before charge", often: true, edits: change(inGate,
			"	charge, err := t.charge(ctx)\n	read := <-reading\n", "	read := <-reading\n	_, _ = t.compare(ctx, read)\n	charge, err := t.charge(ctx)\n")},
		{name: "read, compare, then count, as products do it", often: true, edits: []edit{
			{inGate, "	charge, err := t.charge(ctx)\n",
				"	found, err := t.Attempts.Read(ctx, t.Key)\n	charge := Result{Outcome: Applied, Record: found}\n	if found.Locked() {\n		charge.Outcome = RefusedLocked\n	}\n"},
			{inGate, "	rule := t.ruleOnFailure\n", "	_, _ = t.chargeOnce(ctx)\n	rule := t.ruleOnFailure\n"},
		}},
		{name: "a settlement that gets no answer is spoken of", edits: change(inGate,
			"		t.refund(ctx)\n		return Verdict[C]{}, fmt.Errorf(\"settling attempt: %w\", err)", "		t.refund(ctx)\n		return rule(Result{Record: t.charged}), nil")},
		{name: "a verdict is spoken without being settled", edits: change(inGate,
			"	result, err := t.Attempts.Apply(ctx, t.Key, verdict)\n", "	result, err := verdict.Apply(t.charged), error(nil)\n")},
		{name: "who outlived itself compares", edits: change(inGate,
			"	if t.outlived(ctx) {\n		return false, errOutlived\n	}\n", "")},
		{name: "the wall clock is not asked", edits: change(inGate, " || t.now().Sub(t.began) >= t.Lifetime", "")},
		{name: "who outlived itself while comparing settles", edits: change(inGate, "if err == nil && t.outlived(ctx) {", "if err == nil && false {"),
			equal: "a settlement is refused if the charge was reclaimed, and counts if it was not"},
		{name: "nobody waits for others", edits: change(inGate, "	return p.tries <= busyTries", "	return false")},
		{name: "a queue that moves is waited for without end", edits: change(inGate, "		p.renewals--\n", "")},
	}
}

func speechMutants() []mutant {
	return []mutant{
		{name: "who was reclaimed speaks", edits: change(inGate, "	if result.Outcome == RefusedReclaimed {", "	if false {")},
		{name: "the failure that locks is called wrong", edits: change(inGate, "	if result.Record.Locked() {", "	if result.Outcome == RefusedLocked {")},
		{name: "everybody locked the user", edits: change(inGate, "JustLocked: result.Outcome == Applied}", "JustLocked: true}")},
		{name: "nobody locked the user", edits: change(inGate, "JustLocked: result.Outcome == Applied}", "JustLocked: false}")},
		{name: "what is left is told of the record before", edits: change(inGate, "t.maximum-result.Record.Failed", "t.maximum-t.charged.Failed")},
		{name: "one more is left", edits: change(inGate, "max(1, t.maximum-result.Record.Failed)", "max(1, t.maximum-result.Record.Failed+1)")},
		{name: "welcome is said to the locked", edits: change(inGate, "	if result.Outcome == RefusedLocked {\n		return Verdict[C]{Ruling: Locked}\n	}\n	return Verdict[C]{Ruling: Welcome", "	return Verdict[C]{Ruling: Welcome")},
		{name: "a stranger with the dummy's password is welcome", edits: change(inGate, "return right && read.credential.Known(), err", "return right, err")},
		{name: "busy is called locked", edits: change(inGate, "return Verdict[C]{Ruling: Busy}, nil", "return Verdict[C]{Ruling: Locked}, nil")},
	}
}

func errorMutants() []mutant {
	return []mutant{
		{name: "no refund after a settlement without an answer", often: true, edits: change(inGate,
			"		t.refund(ctx)\n		return Verdict[C]{}, fmt.Errorf(\"settling", "		return Verdict[C]{}, fmt.Errorf(\"settling")},
		{name: "no refund after a comparison that failed", edits: change(inGate, "		if !compared {\n", "		if !compared && false {\n")},
		{name: "no refund after a charge without an answer", edits: change(inGate, "		t.giveBack(late)\n	}\n	return Result{}, err", "	}\n	return Result{}, err")},
		{name: "a refund of the first generation alone", edits: change(inGate,
			"		AttemptID: t.id, Generation: t.charged.Generation, ExpiresAt: t.expiry(),", "		AttemptID: t.id, ExpiresAt: t.expiry(),")},
		{name: "a comparison that failed is a wrong password", edits: change(inGate,
			"	return right && read.credential.Known(), err", "	return right && err == nil && read.credential.Known(), nil")},
		{name: "a credential that cannot be read is a wrong password", edits: change(inGate,
			"	right, err := t.compareOrRefund(ctx, read)\n	if err != nil {", "	right, err := t.compareOrRefund(ctx, read)\n	if err != nil && read.err == nil {")},
	}
}

func unlockMutants() []mutant {
	const sameRecord = "r.Generation != t.Seen.Generation || r.LockID != t.Seen.LockID || r.Failed != t.Seen.Failed"
	return []mutant{
		{name: "an unlock keeps the count", edits: change(inTransitions,
			"	return Result{Outcome: Applied, Record: r.next(), Event: &event}", "	r.Generation, r.LockID, r.LockedAt = r.Generation+1, \"\", time.Time{}\n	return Result{Outcome: Applied, Record: r, Event: &event}")},
		{name: "an unlock in the same generation", edits: change(inTransitions,
			"	return Result{Outcome: Applied, Record: r.next(), Event: &event}", "	return Result{Outcome: Applied, Record: Record{Generation: r.Generation, Reclaims: r.Reclaims}, Event: &event}")},
		{name: "an unlock of another generation", edits: change(inTransitions, sameRecord, "r.LockID != t.Seen.LockID || r.Failed != t.Seen.Failed")},
		{name: "an unlock of failures that were not seen", edits: change(inTransitions, sameRecord, "r.Generation != t.Seen.Generation || r.LockID != t.Seen.LockID")},
		{name: "an unlock of a lock that was not seen", edits: change(inTransitions, sameRecord, "r.Generation != t.Seen.Generation || r.Failed != t.Seen.Failed"),
			equal: "a lock comes with a failure, so within a generation it shows in their number"},
		{name: "an unlock without its audit entry", edits: change(inTransitions,
			"	return Result{Outcome: Applied, Record: r.next(), Event: &event}", "	_ = event\n	return applied(r.next())")},
		{name: "an unlock of whatever lock there is", edits: change(inUnlock, `if r.LockID != "" && r.LockID != seen.LockID {`, "if false {")},
		{name: "an unlock that was refused is called done", edits: change(inUnlock, "		if result.Outcome == Applied {", "		if true {")},
		{name: "an unlock tries again with what it saw first", edits: change(inUnlock, "		seen = result.Record\n", "		_ = result\n")},
		{name: "an unlock tells of no failures", edits: change(inUnlock, "Failed: seen.Failed, At", "Failed: 0, At")},
	}
}
