package stack

// attemptLifetime is the login function's timeout in template.yaml.
const attemptLifetime = "10s"

// Environment returns the PORTCULLIS_ variables that the functions read their
// stores from, each as "NAME=value". The AWS_ variables are the caller's.
func Environment(stage string, tables Tables, identity Identity) []string {
	return []string{
		"PORTCULLIS_STAGE=" + stage,
		"PORTCULLIS_ATTEMPTS_TABLE=" + tables.Attempts,
		"PORTCULLIS_USERS_TABLE=" + tables.Users,
		"PORTCULLIS_AUDIT_TABLE=" + tables.Audit,
		"PORTCULLIS_USER_POOL_ID=" + identity.UserPoolID,
		"PORTCULLIS_APP_CLIENT_ID=" + identity.AppClientID,
		"PORTCULLIS_ISSUER=" + identity.Issuer,
		"PORTCULLIS_JWKS_URL=" + identity.JWKSURL,
		"PORTCULLIS_TOKEN_SECRET_PARAMETER=" + identity.SecretParameter,
		"PORTCULLIS_CURSOR_SECRET_PARAMETER=" + identity.CursorSecretParameter,
		"PORTCULLIS_ATTEMPT_LIFETIME=" + attemptLifetime,
	}
}
