package infra_test

import (
	"slices"
	"testing"
)

// wiringJudges are the judges of what leads where.
func wiringJudges() map[string]judge {
	return map[string]judge{
		"TestEachRoleAllowsWhatItsCodeCalls": func(t *testing.T, text []byte) []string {
			return rolesDiffer(t, parseTemplate(t, text), callsOnRecord(t))
		},
		"TestEveryNameLeadsWhereItSays": func(t *testing.T, text []byte) []string {
			tpl := parseTemplate(t, text)
			if len(tpl.Globals.Function.Environment.Variables) > 0 {
				return slices.Concat(variablesMisled(tpl), stacksMistold(t, tpl))
			}
			return outputsMisled(tpl)
		},
		"TestTheSettingsThatNothingElseShows": func(t *testing.T, text []byte) []string {
			tpl, file := parseTemplate(t, text), firewallTemplate // which has logs alone
			for id, of := range map[string]string{"Api": mainTemplate, "UserPool": identityTemplate} {
				if _, ok := tpl.Resources[id]; ok {
					file = of
				}
			}
			return slices.Concat(settingsChanged(t, file, text), logsForgotten(t, tpl))
		},
		"TestNoSelectAsksForMore": func(t *testing.T, text []byte) []string { return readsUnbounded(t, parseTemplate(t, text)) },
		"TestTheFirewallBlocks":   firewallLetsThrough,
		"TestEveryAlarmLooksWhereItsNameSays": func(t *testing.T, text []byte) []string {
			return alarmsMislead(t, parseTemplate(t, text))
		},
		"TestProdTakesANewVersionByAndBy": func(_ *testing.T, text []byte) []string { return prodIsReleasedAtOnce(text) },
	}
}

// parameterARN begins the resource of a statement about a parameter.
const parameterARN = `!Sub "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/portcullis/${Stage}/`

// statementOf returns a statement without conditions, as template.yaml writes it.
func statementOf(sid, action, output string) string {
	const indent = "              "
	return indent + "- Sid: " + sid + "\n" + indent + "  Effect: Allow\n" + indent + "  Action: " + action + "\n" +
		indent + "  Resource: !GetAtt " + output + "\n"
}

// rightsMutations are of roles. Those that the first place stands for are of login,
// the first function.
func rightsMutations() []mutation {
	const roles = "TestEachRoleAllowsWhatItsCodeCalls"
	const write = "dynamodb:UpdateItem, dynamodb:DeleteItem]"
	const attributes = `"dynamodb:Attributes": `
	audit := statementOf("Audit", "dynamodb:PutItem", "Storage.Outputs.AuditTableArn")
	return []mutation{
		{"a login that may not write the trail", mainTemplate, audit, "",
			roles, "login is not allowed dynamodb:PutItem on=AuditTable"},
		{"a login that may not read attempts", mainTemplate, "Action: [dynamodb:GetItem, dynamodb:UpdateItem]", "Action: dynamodb:UpdateItem",
			roles, "login is not allowed dynamodb:GetItem on=AttemptsTable"},
		{"a login that reads another secret", mainTemplate, "Resource: " + parameterARN + "token-secret", "Resource: " + parameterARN + "cursor-secret",
			roles, "login is not allowed ssm:GetParameter on=/portcullis/STAGE/token-secret"},
		{"a login that may delete the trail", mainTemplate, audit, statementOf("Audit", "[dynamodb:PutItem, dynamodb:DeleteItem]", "Storage.Outputs.AuditTableArn"),
			roles, "login never uses dynamodb:DeleteItem on AuditTable"},
		{"a login on another table", mainTemplate, "Resource: !GetAtt Storage.Outputs.AttemptsTableArn", "Resource: !GetAtt Storage.Outputs.AuditTableArn",
			roles, "login is not allowed dynamodb:UpdateItem on=AttemptsTable"},
		{"a deletion that is not allowed", mainTemplate, write, "dynamodb:UpdateItem]",
			roles, "manage-user is not allowed dynamodb:DeleteItem on=UsersTable"},
		{"a check that no transaction makes", mainTemplate, write, "dynamodb:UpdateItem, dynamodb:DeleteItem, dynamodb:ConditionCheckItem]",
			roles, "manage-user never uses dynamodb:ConditionCheckItem on UsersTable"},
		{"an attribute that is asked for and not allowed", mainTemplate, attributes + "[client, username, role, name, email,", attributes + "[client, username, name, email,",
			roles, "refresh-token is not allowed dynamodb:GetItem on=UsersTable"},
		{"a key that is asked for and not allowed", mainTemplate, attributes + "[client, username]", attributes + "[client]",
			roles, "unlock-user is not allowed dynamodb:GetItem on=UsersTable"},
		{"a Select that may ask for more", mainTemplate, `                  StringEqualsIfExists: {"dynamodb:Select": SPECIFIC_ATTRIBUTES}` + "\n", "",
			"TestNoSelectAsksForMore", "refresh-token, statement Users: a Select may ask for more"},
	}
}

// wiringMutations are of what leads where, and of what is seen on a bad day alone.
func wiringMutations() []mutation {
	const names, kept, alarms, blocks = "TestEveryNameLeadsWhereItSays", "TestTheSettingsThatNothingElseShows", "TestEveryAlarmLooksWhereItsNameSays", "TestTheFirewallBlocks"
	const logins, days = "LoginsPerAddress: !Ref LoginsPerAddress", "RetentionInDays: !Ref LogRetentionDays"
	const stage = "{Name: Stage, Value: !Ref Stage}"
	return []mutation{
		{"users that are looked for in the trail", mainTemplate, "PORTCULLIS_USERS_TABLE: !GetAtt Storage.Outputs.UsersTable", "PORTCULLIS_USERS_TABLE: !GetAtt Storage.Outputs.AuditTable",
			names, "PORTCULLIS_USERS_TABLE is !GetAtt Storage.Outputs.AuditTable"},
		{"alarms on another table", mainTemplate, "        UsersTable: !GetAtt Storage.Outputs.UsersTable", "        UsersTable: !GetAtt Storage.Outputs.AuditTable",
			names, `Alarms is told "!GetAtt Storage.Outputs.AuditTable" for UsersTable`},
		{"a limit of logins that is that of requests", mainTemplate, logins, "LoginsPerAddress: !Ref RequestsPerAddress",
			names, `Firewall is told "!Ref RequestsPerAddress" for LoginsPerAddress`},
		{"a limit of logins that nobody passes on", mainTemplate, "        " + logins + "\n", "",
			names, `Firewall is told "" for LoginsPerAddress`},
		{"a firewall before another stage", mainTemplate, "/restapis/${Api}/stages/${Api.Stage}", "/restapis/${Api}/stages/prod",
			names, "for ApiStageArn"},
		{"an output of another table", storageTemplate, "Value: !Ref UsersTable", "Value: !Ref AuditTable",
			names, "UsersTable leads to !Ref AuditTable"},
		{"an ARN of another table", storageTemplate, "Value: !GetAtt UsersTable.Arn", "Value: !GetAtt AttemptsTable.Arn",
			names, "UsersTableArn leads to !GetAtt AttemptsTable.Arn"},
		{"releases that another alarm takes back", alarmsTemplate, "Value: !Ref LoginSlow", "Value: !Ref LockSurge",
			names, "LoginSlow leads to !Ref LockSurge"},

		{"an API that is there before who lets in", mainTemplate, "    DependsOn: AuthorizerFunctionAliaslive", "    #", kept, "Resources Api DependsOn"},
		{"an API that is not deployed with its parameters", mainTemplate, "      AlwaysDeploy: true", "      #", kept, "AlwaysDeploy"},
		{"two names for the API", mainTemplate, "DisableExecuteApiEndpoint: !If [HasDomain, true, false]", "DisableExecuteApiEndpoint: false", kept, "DisableExecuteApiEndpoint"},
		{"a log of what was sent", mainTemplate, `LoggingLevel: "OFF"`, "LoggingLevel: INFO", kept, "LoggingLevel"},
		{"two who write policies", mainTemplate, "ReservedConcurrentExecutions: 1 ", "ReservedConcurrentExecutions: 2 ", kept, "UpdatePolicyFunction"},
		{"logins without a bound", mainTemplate, "      ReservedConcurrentExecutions: !Ref LoginConcurrency\n", "", kept, "LoginFunction Properties ReservedConcurrentExecutions"},
		{"logins on a seventh of a processor", mainTemplate, "MemorySize: 1769", "MemorySize: 256", kept, "LoginFunction Properties MemorySize"},
		{"logs that stay for ever", mainTemplate, "/query\", " + days, "/query\"", kept, `QueryLogs is kept for ""`},
		{"logs of the firewall that stay for ever", firewallTemplate, ", " + days, "", kept, `FirewallLogs is kept for ""`},
		{"a pool that is deleted by mistake", identityTemplate, "DeletionProtection: ACTIVE", "DeletionProtection: INACTIVE", kept, "DeletionProtection"},
		{"machine passwords that a person could know", identityTemplate, "MinimumLength: 32", "MinimumLength: 6", kept, "MinimumLength"},

		{"an alarm on a path that is none", alarmsTemplate, "Value: /login}", "Value: /logins}", alarms, "LoginSlow reads something else"},
		{"an alarm on a function that is none", alarmsTemplate, "Value: login}", "Value: logins}", alarms, "StoreSlow reads something else"},
		{"an alarm on a stage that is a table", alarmsTemplate, "MetricName: Locks\n      Dimensions: [" + stage, "MetricName: Locks\n      Dimensions: [{Name: Stage, Value: !Ref UsersTable}",
			alarms, "LockSurge reads something else"},
		{"an alarm on a queue that is none", alarmsTemplate, "-unpublished-events\"}]", "-unpublished\"}]", alarms, "UnpublishedEvents reads something else"},
		{"an alarm on what is over", alarmsTemplate, "MetricName: 5XXError", "MetricName: 4XXError", alarms, "ServerErrors reads something else"},
		{"an alarm that rings when all is well", alarmsTemplate, "GreaterThanOrEqualToThreshold", "LessThanThreshold", alarms, "ServerErrors rings by LessThanThreshold"},
		{"an alarm that reckons nothing", alarmsTemplate, "100 * errors / requests, 0)\"", "0, 0)\"", alarms, "ServerErrors reckons"},
		{"an alarm on one error less", alarmsTemplate, "SUM(METRICS())", "0", alarms, "FunctionErrors reckons 0"},

		{"a rule for one path alone", firewallTemplate, `RegexString: "/login`, `RegexString: "^/login`, blocks, "/prod/login is a login: false"},
		{"a rule for a path that is none", firewallTemplate, `RegexString: "/login`, `RegexString: "/logn`, blocks, "/login is a login: false"},
		{"managed rules that count", firewallTemplate, "OverrideAction: {None: {}}", "OverrideAction: {Count: {}}", blocks, "BadAddresses does {Count: {}}"},
		{"a rule of our own that counts", firewallTemplate, "Action: {Block: {}}", "Action: {Count: {}}", blocks, "LoginsPerAddress does {Count: {}}"},
		{"a managed rule about headers that counts", firewallTemplate, "Name: Log4JRCE_BODY", "Name: Log4JRCE_HEADER", blocks, "KnownBadInputs overrides Log4JRCE_HEADER"},

		{"prod without a canary", samConfig, `, "Release=Canary10Percent10Minutes"`, "", "TestProdTakesANewVersionByAndBy", "prod takes a new version at once"},
		{"prod all at once", samConfig, `"Release=Canary10Percent10Minutes"`, `"Release=AllAtOnce"`, "TestProdTakesANewVersionByAndBy", "prod takes a new version at once"},
	}
}
