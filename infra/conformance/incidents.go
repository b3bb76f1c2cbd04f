package main

// An incident is what a product of others got wrong, as far as it is public.
type incident struct {
	id, product string
	what        string // in a sentence
	source      string
}

// The incidents that cases stand for.
var (
	zitadelRace = incident{"CVE-2023-47111", "ZITADEL",
		"parallel password checks tried more passwords than the lockout policy allowed, before 2.38.3 and 2.40.5",
		"github.com/golang/vulndb/issues/2325"}
	keycloakRace = incident{"CVE-2024-4629", "Keycloak",
		"race conditions in the protection against brute force, in 22.0.11, 24.0.6, 25.0.2 and before",
		"github.com/hnsecurity/vulns, HNS-2024-09"}
	aspnetRace = incident{"CVE-2023-33170", "ASP.NET Core",
		"the count of failed attempts was not updated at once, so that more passwords could be tried",
		"github.com/dotnet/announcements/issues/264"}
	deviseRace = incident{"CVE-2019-5421", "Devise",
		"before 4.6.0, attempts at the same time were counted as fewer than they were",
		"github.com/heartcombo/devise/issues/4981"}
	axesRace = incident{"#592", "django-axes",
		"of a hundred requests at once, 15 to 20 got through a limit of 5",
		"github.com/jazzband/django-axes/issues/592"}
	parseRace = incident{"#10266", "Parse Server",
		"requests at once passed the threshold, and a review found that a success at the same time could wipe the lock out",
		"github.com/parse-community/parse-server/pull/10266"}
	keycloakHonest = incident{"#48272", "Keycloak",
		"with the protection on, of several logins at once with the right password one got in and the others did not",
		"github.com/keycloak/keycloak/issues/48272"}
	deviseOffByOne = incident{"#2826", "Devise",
		"a maximum of n allowed n + 1 failures",
		"github.com/heartcombo/devise/pull/2826"}
	zitadelCount = incident{"#8546", "ZITADEL",
		"a report, not reproduced by its maintainers, that failures counted on across a login that succeeded",
		"github.com/zitadel/zitadel/issues/8546"}
	vikunjaLock = incident{"CVE-2026-35597", "Vikunja",
		"before 2.3.0, the lock after failed one-time codes was written in a transaction that was always rolled back",
		"github.com/golang/vulndb/issues/5362"}
	argoCrash = incident{"CVE-2024-21652", "Argo CD",
		"failed attempts were kept in memory alone, and whoever crashed the server had them forgotten, before 2.8.13, 2.9.9 and 2.10.4",
		"github.com/argoproj/argo-cd, GHSA-x32m-mvfj-52xv"}
	argoFlood = incident{"CVE-2024-21662", "Argo CD",
		"the rate limit and the protection against brute force could be bypassed by overflowing the cache of attempts",
		"github.com/argoproj/argo-cd, GHSA-2vgg-9h6w-m454"}
	vaultAlias = incident{"CVE-2025-6004", "Vault",
		"names of userpass and LDAP in other spellings, of case or blanks, were the same user with a count of their own; OpenBao had it too (CVE-2025-54998)",
		"github.com/openbao/openbao/pull/1632, HCSEC-2025-16"}
	alfrescoCase = incident{"REPO-3109", "Alfresco",
		"another case of the user's name bypassed the protection against brute force",
		"github.com/AlfrescoArchive/alfresco-repository/pull/51"}
	logtoUnlock = incident{"#9526", "Logto",
		"a review found that unlocking one name would unlock another that differs from it in case",
		"github.com/logto-io/logto/pull/9526"}
	vaultNames = incident{"CVE-2025-6010", "Vault",
		"which userpass names exist could be told from the answers",
		"HCSEC-2025-21, by OpenBao's changelog"}
	surveyNames = incident{"#3456", "Survey Solutions",
		"only names that exist were ever said to be locked",
		"github.com/surveysolutions/surveysolutions/issues/3456"}
	mirthNames = incident{"#240", "Open Integration Engine",
		"how many attempts remain was told for names that exist alone",
		"github.com/OpenIntegrationEngine/engine/issues/240"}
	powerauthEmpty = incident{"#72", "PowerAuth Web Flow",
		"attempts with an empty name or password were counted",
		"github.com/wultra/powerauth-webflow/issues/72"}
	kanboardHeader = incident{"#5862", "Kanboard",
		"behind a trusted proxy, the lock was kept under the first address of X-Forwarded-For, which the caller writes",
		"github.com/kanboard/kanboard/issues/5862"}
	oryxHeader = incident{"#189", "OryxOS",
		"a new X-Forwarded-For with each attempt never met the lock",
		"github.com/oryx-labs/oryxos/issues/189"}
	baeldungReset = incident{"#197", "Baeldung's Spring Security registration",
		"whoever had an account could log in to it between guesses, and the count of their guesses at others was cleared",
		"github.com/Baeldung/spring-security-registration/issues/197"}
	sharedAddress = incident{"#13", "HM Limit Login Attempts",
		"one user's lock kept another from logging in from the same address",
		"github.com/humanmade/hm-limit-login-attempts/issues/13"}
	subwaveBudget = incident{"#517", "SUB/WAVE",
		"a lock that was over left the count where it was, and the first wrong password locked again",
		"github.com/perminder-klair/subwave/pull/517"}
	keycloakCIBA = incident{"CVE-2026-9798", "Keycloak",
		"another way to tokens, CIBA, did not ask whether the user is locked",
		"github.com/keycloak/keycloak/pull/49903"}
	wso2Refresh = incident{"#2832", "WSO2 Identity Server",
		"a locked user's refresh token was renewed, unless a setting forbade it",
		"github.com/wso2-extensions/identity-inbound-auth-oauth/pull/2832"}
	ferriskeyRevoke = incident{"#1232", "FerrisKey",
		"revoking sessions, disabling the account and a new password left the tokens that were out as they were",
		"github.com/ferriskey/ferriskey/pull/1232"}
)

// races are the incidents of guesses at the same time.
func races() []incident {
	return []incident{zitadelRace, keycloakRace, aspnetRace, deviseRace, axesRace}
}

func of(some ...incident) []incident { return some }

// cases returns all cases, in the order in which they begin.
func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		wholeRunCases(), countingCases(), concurrencyCases(), nameCases(), strangerCases(), refusalCases(), edgeCases(),
		unlockCases(), sessionCases(), policyCases(), aloneCases(),
	} {
		all = append(all, group...)
	}
	return all
}
