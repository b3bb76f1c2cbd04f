package infra_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A judge reads a template and says what is wrong with it.
type judge func(t *testing.T, text []byte) []string

// judges are the checks of the templates that a mutation must not get past, by
// the name of the test that makes them.
func judges() map[string]judge {
	return map[string]judge{
		"TestTheExpansionGuardsEveryMethod": func(t *testing.T, text []byte) []string {
			file := filepath.Join(t.TempDir(), "template.yaml")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			body := expand(t, file).body(t)
			return slices.Concat(authorizersCache(body), methodsAreGuarded(body))
		},
		"TestEveryRevisionReachesWhatAnswers": publishedByRevision,
		"TestTheTablesAreSafe": func(t *testing.T, text []byte) []string {
			return tablesAreSafe(t, parseTemplate(t, text))
		},
		"TestStateOutlivesCode": func(t *testing.T, text []byte) []string {
			tpl := parseTemplate(t, text)
			if len(tpl.Globals.Function.Environment.Variables) > 0 {
				return stateIsElsewhere(t, tpl)
			}
			return stateOutlivesCode(tpl)
		},
		"TestNoStatementAllowsEverything": func(t *testing.T, text []byte) []string {
			var problems []string
			for _, f := range parseTemplate(t, text).functions(t) {
				for _, s := range f.statements() {
					problems = append(problems, tooBroad(s)...)
				}
			}
			return problems
		},
	}
}

// A mutation is one thing that somebody could do to a template in good faith.
type mutation struct {
	name     string
	file     string
	old, new string // the first place where the text stands
	test     string // which finds it
	says     string
}

func mutations() []mutation {
	const policy = `Method: GET, Path: "/clients/{client}/policy"}`
	return []mutation{
		{"one route without the authorizer", mainTemplate, policy, strings.TrimSuffix(policy, "}") + ", Auth: {Authorizer: NONE}}",
			"TestTheExpansionGuardsEveryMethod", "GET /clients/{client}/policy is guarded by NONE"},
		{"an authorizer whose answers are kept for five minutes", mainTemplate, "ReauthorizeEvery: 0", "ReauthorizeEvery: 300",
			"TestTheExpansionGuardsEveryMethod", "the answers of Tokens are remembered"},
		{"a misspelt setting, which brings the five minutes back", mainTemplate, "ReauthorizeEvery: 0", "ReauthoriseEvery: 0",
			"TestTheExpansionGuardsEveryMethod", "the answers of Tokens are remembered"},
		{"a function whose versions do not follow the revision", mainTemplate, "      AutoPublishCodeSha256: !Ref Revision\n", "",
			"TestEveryRevisionReachesWhatAnswers", "LoginFunction keeps its version"},
		{"a revision that no function knows", mainTemplate, "PORTCULLIS_REVISION: !Ref Revision", "PORTCULLIS_REVISION: none",
			"TestEveryRevisionReachesWhatAnswers", "QueryFunction does not change with the revision"},
		{"a time to live on real users", storageTemplate, "      KeySchema:\n        - {AttributeName: client, KeyType: HASH}\n        - {AttributeName: username",
			"      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}\n      KeySchema:\n        - {AttributeName: client, KeyType: HASH}\n        - {AttributeName: username",
			"TestTheTablesAreSafe", "UsersTable forgets real users"},
		{"a table that can be deleted", storageTemplate, "DeletionProtectionEnabled: true", "DeletionProtectionEnabled: false",
			"TestTheTablesAreSafe", "AttemptsTable can be deleted by mistake"},
		{"a table without backups", storageTemplate, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false",
			"TestTheTablesAreSafe", "AttemptsTable cannot be restored"},
		{"a table without Retain", storageTemplate, "    DeletionPolicy: Retain\n", "", "TestStateOutlivesCode", "AttemptsTable is not retained"},
		{"a pool that is replaced without Retain", identityTemplate, "    UpdateReplacePolicy: Retain\n", "", "TestStateOutlivesCode", "UserPool is not retained"},
		{"storage that goes with the code", mainTemplate, "    DeletionPolicy: Retain\n", "", "TestStateOutlivesCode", "Storage is not the retained stack"},
		{"a pool that hangs on the version of the code", mainTemplate, "TemplateURL: infra/identity.yaml\n      Parameters:\n        Stage: !Ref Stage",
			"TemplateURL: infra/identity.yaml\n      Parameters:\n        Stage: !Ref Version", "TestStateOutlivesCode", "Identity hangs on Stage"},
		{"every action on a table", mainTemplate, "Action: [dynamodb:GetItem, dynamodb:UpdateItem]", "Action: dynamodb:*",
			"TestNoStatementAllowsEverything", "action dynamodb:*"},
		{"every table", mainTemplate, "Resource: !GetAtt Storage.Outputs.AttemptsTableArn", `Resource: "*"`,
			"TestNoStatementAllowsEverything", "resource *"},
	}
}

// TestMutationsOfTheTemplatesAreFound makes each change to a copy and wants the
// test that guards against it to say so, which has nothing to say of what there is.
func TestMutationsOfTheTemplatesAreFound(t *testing.T) {
	all := judges()
	maps.Copy(all, wiringJudges())
	for _, m := range slices.Concat(mutations(), rightsMutations(), wiringMutations()) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			text := readFile(t, m.file)
			if bytes.Count(text, []byte(m.old)) == 0 {
				t.Fatalf("%s has no %q", m.file, m.old)
			}
			mutated := bytes.Replace(text, []byte(m.old), []byte(m.new), 1)
			problems := all[m.test](t, mutated)
			if !strings.Contains(strings.Join(problems, "\n"), m.says) {
				t.Errorf("%s: got %q, want %q among it", m.test, problems, m.says)
			}
		})
	}
	for name, files := range map[string][]string{
		"TestTheTablesAreSafe":            {storageTemplate},
		"TestStateOutlivesCode":           {mainTemplate, storageTemplate, identityTemplate},
		"TestNoStatementAllowsEverything": {mainTemplate},

		"TestEachRoleAllowsWhatItsCodeCalls":  {mainTemplate},
		"TestEveryNameLeadsWhereItSays":       {mainTemplate, storageTemplate, identityTemplate, alarmsTemplate},
		"TestTheSettingsThatNothingElseShows": {mainTemplate, identityTemplate, firewallTemplate},
		"TestNoSelectAsksForMore":             {mainTemplate},
		"TestTheFirewallBlocks":               {firewallTemplate},
		"TestEveryAlarmLooksWhereItsNameSays": {alarmsTemplate},
		"TestProdTakesANewVersionByAndBy":     {samConfig},
	} {
		for _, file := range files {
			if problems := all[name](t, readFile(t, file)); len(problems) > 0 {
				t.Errorf("%s says of %s as it is: %q", name, file, problems)
			}
		}
	}
}
