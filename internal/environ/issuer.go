package environ

import "cmp"

// Issuer says whose tokens are good: those of one app client of one user pool.
type Issuer struct {
	UserPoolID  Name `env:"PORTCULLIS_USER_POOL_ID,required,notEmpty"`
	AppClientID Name `env:"PORTCULLIS_APP_CLIENT_ID,required,notEmpty"`
	URL         URL  `env:"PORTCULLIS_ISSUER"`
	JWKSURL     URL  `env:"PORTCULLIS_JWKS_URL"`
}

// Address returns the tokens' issuer: the one configured, else that of the
// user pool in the region.
func (i Issuer) Address(region Name) string {
	pool := "https://cognito-idp." + string(region) + ".amazonaws.com/" + string(i.UserPoolID)
	return cmp.Or(string(i.URL), pool)
}

// Keys returns where the issuer publishes its keys.
func (i Issuer) Keys(region Name) string {
	return cmp.Or(string(i.JWKSURL), i.Address(region)+"/.well-known/jwks.json")
}
