package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/access"
	"portcullis/internal/secrets"
)

// An Enroller keeps the users of one Cognito user pool. It can begin no session,
// and never asks for the app client's secret: whoever changes users has no use
// for either. It is safe for concurrent use.
type Enroller struct {
	cognito *cognito.Client
	pool    string
	secret  *secrets.Secret // of the machine passwords and the envelopes
}

// NewEnroller returns the enroller of a pool. The token secret is in the SSM
// parameter, as [NewMinter] says, and is read when it is first needed.
func NewEnroller(c *cognito.Client, s *ssm.Client, pool, secretParameter string, now func() time.Time) *Enroller {
	return &Enroller{cognito: c, pool: pool, secret: secrets.New("token secret", secrets.Parameter(s, secretParameter), now)}
}

// Enrol makes the user known to Cognito: an entry in the pool, the machine
// password, and the role's group and no other. It may be run again at any time
// and mends whatever an earlier run left undone, so it also serves to change a
// role and to follow a new secret. The groups are left before the new one is
// joined: stopped between the two, the user has no role rather than two. It ends
// no session; one who was enrolled under another CreatedAt can begin none.
//
// The secret is at most a minute old: nobody refuses an enrolment with one that
// was replaced, and it would be the next login that finds out. So a minute after
// the secret was replaced, enrolling every user once more follows it.
//
// The role MUST be valid. Other errors wrap [lockout.ErrUnavailable].
func (e *Enroller) Enrol(ctx context.Context, user access.User) error {
	if !user.Role.Valid() {
		return fmt.Errorf("enrolling user: no such role: %q", user.Role)
	}
	key, err := e.secret.Get(ctx)
	if err != nil {
		return err
	}
	password := machinePassword(e.secret.Newer(ctx, key), user)
	if err := e.createUser(ctx, user, password); err != nil {
		return err
	}
	if err := e.setPassword(ctx, user, password); err != nil {
		return err
	}
	if err := e.leaveGroups(ctx, user); err != nil {
		return err
	}
	return e.joinGroup(ctx, user)
}

// createUser adds the user without telling anybody. The first password is
// temporary whatever it is; left to itself, Cognito would make one up and send
// it.
func (e *Enroller) createUser(ctx context.Context, user access.User, password string) error {
	_, err := e.cognito.AdminCreateUser(ctx, &cognito.AdminCreateUserInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)),
		TemporaryPassword: aws.String(password), MessageAction: types.MessageActionTypeSuppress,
	})
	var exists *types.UsernameExistsException
	if errors.As(err, &exists) {
		return nil
	}
	return wrapped("creating user in the pool", err)
}

func (e *Enroller) setPassword(ctx context.Context, user access.User, password string) error {
	_, err := e.cognito.AdminSetUserPassword(ctx, &cognito.AdminSetUserPasswordInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)),
		Password: aws.String(password), Permanent: true,
	})
	return wrapped("setting machine password", err)
}

func (e *Enroller) leaveGroups(ctx context.Context, user access.User) error {
	groups, err := e.groups(ctx, user)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if group == string(user.Role) {
			continue
		}
		_, err := e.cognito.AdminRemoveUserFromGroup(ctx, &cognito.AdminRemoveUserFromGroupInput{
			UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)), GroupName: aws.String(group),
		})
		if err != nil {
			return unavailable("leaving group", err)
		}
	}
	return nil
}

func (e *Enroller) groups(ctx context.Context, user access.User) ([]string, error) {
	pages := cognito.NewAdminListGroupsForUserPaginator(e.cognito, &cognito.AdminListGroupsForUserInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)),
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, unavailable("listing groups", err)
		}
		for _, group := range page.Groups {
			names = append(names, aws.ToString(group.GroupName))
		}
	}
	return names, nil
}

func (e *Enroller) joinGroup(ctx context.Context, user access.User) error {
	_, err := e.cognito.AdminAddUserToGroup(ctx, &cognito.AdminAddUserToGroupInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)), GroupName: aws.String(string(user.Role)),
	})
	return wrapped("joining group", err)
}
