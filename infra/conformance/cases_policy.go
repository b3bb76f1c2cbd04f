package main

import (
	"fmt"
	"net/http"
	"runtime"
)

func policyCases() []testCase {
	return []testCase{
		{name: "policy/nothing but a whole number from 1 to 9 is taken", try: badMaximums},
		{name: "policy/a version that is not the current one changes nothing", try: staleVersion},
		{name: "policy/only a Sysadmin changes it, and a Superuser reads it", try: policyIsGuarded},
	}
}

// aloneCases change what the others rely on.
func aloneCases() []testCase {
	return []testCase{
		{name: "policy/1 and 9 are taken, and the trail says who changed what", alone: true, try: boundsAreTaken},
		{name: "policy/lowering it locks nobody, and the next failure does", alone: true, try: lowering},
		{name: "policy/raising it unlocks nobody", alone: true, try: raising},
		{name: "counting/a lock and a count outlive a restart", standsFor: of(argoCrash), alone: true, try: lockOutlivesRestart},
	}
}

// maximumNow reads the maximum of the policy.
func (t *trial) maximumNow() int {
	a := t.sysadmin(http.MethodGet, t.policyPath(), nil, http.StatusOK)
	n, _ := a.body["max_failed_login_attempts_portal"].(float64)
	return int(n)
}

func badMaximums(t *trial) {
	before := t.maximumNow()
	t.touched.Store(true) // a server that takes what it must not
	for _, value := range []string{
		"0", "10", "-1", "-0", "null", `"7"`, "7.5", "7.0", "true", "1e0", "1e1", "07", "+7", "[]", "[7]", "{}", `""`,
		"99999999999999999999", "0x7", "NaN", "Infinity",
	} {
		t.expectPolicyRefused(`{"max_failed_login_attempts_portal":`+value+`}`, value)
	}
	for what, body := range map[string]string{
		"no number": `{}`, "another field": `{"max_failed_login_attempts_portal":7,"x":1}`, "the number twice": `{"max_failed_login_attempts_portal":7,"max_failed_login_attempts_portal":9}`,
		"no object": `7`, "a version that is text": `{"max_failed_login_attempts_portal":7,"version":"0"}`,
	} {
		t.expectPolicyRefused(body, what)
	}
	if now := t.maximumNow(); now != before {
		t.wrongly("the maximum was %d and is %d", before, now)
	}
}

func (t *trial) expectPolicyRefused(body, what string) {
	token, err := t.admin.good(t.ctx)
	if err != nil {
		t.stop("%v", err)
	}
	a := t.send(request{method: http.MethodPut, path: t.policyPath(), body: []byte(body), token: token})
	t.expect(a, http.StatusBadRequest, "invalid-request", what)
}

func staleVersion(t *trial) {
	a := t.sysadmin(http.MethodGet, t.policyPath(), nil, http.StatusOK)
	before := t.maximumNow()
	version, _ := a.body["version"].(float64)
	t.touched.Store(true)
	other := before%9 + 1
	a = t.as(t.admin, http.MethodPut, t.policyPath(), map[string]any{"max_failed_login_attempts_portal": other, "version": int(version) + 1000})
	t.expect(a, http.StatusConflict, "conflict", "a change from another version")
	if current, _ := a.body["current"].(map[string]any); current["max_failed_login_attempts_portal"] != float64(before) {
		t.wrongly("it is told that the current policy is %v, want the maximum of %d", current, before)
	}
	if now := t.maximumNow(); now != before {
		t.wrongly("the maximum was %d and is %d", before, now)
	}
}

func policyIsGuarded(t *trial) {
	before := t.maximumNow()
	t.touched.Store(true)
	for role, mayRead := range map[string]bool{"Superuser": true, "Manager": false, "ITUser": false} {
		who := t.user(role)
		token := t.login(who, who.password).text("access_token")
		read := t.with(token, http.MethodGet, t.policyPath(), nil)
		if mayRead != (read.status == http.StatusOK) {
			t.wrongly("a %s reads the policy: got %s", role, read)
		}
		change := map[string]any{"max_failed_login_attempts_portal": before}
		t.expect(t.with(token, http.MethodPut, t.policyPath(), change), http.StatusForbidden, "forbidden", "a "+role+" sets the policy")
		t.expect(t.with(token, http.MethodDelete, t.policyPath(), nil), http.StatusForbidden, "forbidden", "a "+role+" resets the policy")
	}
	t.expect(t.with("", http.MethodPut, t.policyPath(), map[string]any{"max_failed_login_attempts_portal": 9}),
		http.StatusUnauthorized, "unauthorized", "nobody sets the policy")
	if now := t.maximumNow(); now != before {
		t.wrongly("the maximum was %d and is %d", before, now)
	}
}

// setMaximum changes the policy, which is put back at the end of the run.
func (t *trial) setMaximum(maximum int) answer {
	t.touched.Store(true)
	return t.sysadmin(http.MethodPut, t.policyPath(), map[string]any{"max_failed_login_attempts_portal": maximum}, http.StatusOK)
}

// inForce waits until the maximum counts.
func (t *trial) inForce(maximum int) {
	if t.untilInForce(t.ctx, maximum) != nil {
		runtime.Goexit()
	}
	t.suite.maximum = maximum
}

func boundsAreTaken(t *trial) {
	before := t.maximumNow()
	for _, n := range []int{1, 9, before} {
		a := t.setMaximum(n)
		if a.body["max_failed_login_attempts_portal"] != float64(n) || a.text("source") != "client" ||
			a.text("updated_by") != t.root.client+"/"+t.root.username {
			t.wrongly("setting %d: got %s, want it by the Sysadmin", n, a.raw)
		}
		if now := t.maximumNow(); now != n {
			t.wrongly("after setting %d the maximum is %d", n, now)
		}
	}
	trail := into[struct {
		Entries []entry `json:"entries"`
	}](t, t.sysadmin(http.MethodGet, "/clients/"+t.root.client+"/audit?action=policy_changed&limit=3", nil, http.StatusOK)).Entries
	if len(trail) != 3 {
		t.stop("the trail has %d entries of three changes", len(trail))
	}
	for i, want := range []struct{ from, to int }{{9, before}, {1, 9}, {before, 1}} {
		e := trail[i]
		if e.Details.Previous != want.from || e.Details.Maximum != want.to || e.Actor != t.root.client+"/"+t.root.username {
			t.wrongly("the trail says that %s changed %d to %d, want %d to %d", e.Actor, e.Details.Previous, e.Details.Maximum, want.from, want.to)
		}
	}
}

// lowering sets a maximum that two users have reached already.
func lowering(t *trial) {
	before := t.suite.maximum
	at, right, below := t.manager(), t.manager(), t.manager()
	t.failTimes(at, before-1)
	t.failTimes(right, before-1)
	t.failTimes(below, 1)
	lower := before - 1
	t.setMaximum(lower)
	t.inForce(lower)
	if seen := t.look(at); seen.Locked || seen.Failed != before-1 {
		t.wrongly("with %d failures, lowering %d to %d: the Sysadmin sees locked: %t, %d failures", before-1, before, lower, seen.Locked, seen.Failed)
	}
	t.expectLocked(t.guess(at), fmt.Sprintf("the next failure after lowering %d to %d, which %d failures have reached", before, lower, before-1))
	t.expectIn(t.login(right, right.password), right, fmt.Sprintf("the right password after lowering %d to %d", before, lower))
	for n := 2; n <= lower; n++ {
		a := t.guess(below)
		if n < lower {
			t.expectWrong(a, lower-n, fmt.Sprintf("failure %d of %d after lowering", n, lower))
		} else {
			t.expectLocked(a, fmt.Sprintf("failure %d of %d after lowering", n, lower))
		}
	}
}

func raising(t *trial) {
	before := t.suite.maximum
	if before == 9 {
		t.cannot("the maximum is 9 already, and can only be raised once it was lowered")
	}
	locked, counted := t.manager(), t.manager()
	t.lock(locked)
	lock := t.look(locked).LockID
	t.failTimes(counted, before-1)
	t.setMaximum(9)
	t.inForce(9)
	if seen := t.look(locked); !seen.Locked || seen.LockID != lock {
		t.wrongly("raising %d to 9: the Sysadmin sees locked: %t by %q, want %q", before, seen.Locked, seen.LockID, lock)
	}
	t.expectLocked(t.login(locked, locked.password), fmt.Sprintf("the right password after raising %d to 9", before))
	t.expectWrong(t.guess(counted), 9-before, fmt.Sprintf("failure %d of 9 after raising", before))
	t.unlock(locked)
	t.expectWholeBudget(locked, "of 9, after an unlock")
}
