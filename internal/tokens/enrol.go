package tokens

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"portcullis/internal/access"
)

// Enrol makes the user known to Cognito: an entry in the pool, the machine
// password, and the role's group and no other. It may be run again at any time
// and mends whatever an earlier run left undone, so it also serves to change a
// role and to follow a new secret. The groups are left before the new one is
// joined: stopped between the two, the user has no role rather than two. It ends
// no session; one who was enrolled under another CreatedAt can begin none.
//
// The role MUST be valid. Other errors wrap [lockout.ErrUnavailable].
func (m *Minter) Enrol(ctx context.Context, user access.User) error {
	if !user.Role.Valid() {
		return fmt.Errorf("enrolling user: no such role: %q", user.Role)
	}
	key, err := m.secret.Get(ctx)
	if err != nil {
		return err
	}
	password := machinePassword(key, user)
	if err := m.createUser(ctx, user, password); err != nil {
		return err
	}
	if err := m.setPassword(ctx, user, password); err != nil {
		return err
	}
	if err := m.leaveGroups(ctx, user); err != nil {
		return err
	}
	return m.joinGroup(ctx, user)
}

// createUser adds the user without telling anybody. The first password is
// temporary whatever it is; left to itself, Cognito would make one up and send
// it.
func (m *Minter) createUser(ctx context.Context, user access.User, password string) error {
	_, err := m.cognito.AdminCreateUser(ctx, &cognito.AdminCreateUserInput{
		UserPoolId: aws.String(m.pool), Username: aws.String(cognitoName(user)),
		TemporaryPassword: aws.String(password), MessageAction: types.MessageActionTypeSuppress,
	})
	var exists *types.UsernameExistsException
	if errors.As(err, &exists) {
		return nil
	}
	return wrapped("creating user in the pool", err)
}

func (m *Minter) setPassword(ctx context.Context, user access.User, password string) error {
	_, err := m.cognito.AdminSetUserPassword(ctx, &cognito.AdminSetUserPasswordInput{
		UserPoolId: aws.String(m.pool), Username: aws.String(cognitoName(user)),
		Password: aws.String(password), Permanent: true,
	})
	return wrapped("setting machine password", err)
}

func (m *Minter) leaveGroups(ctx context.Context, user access.User) error {
	groups, err := m.groups(ctx, user)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if group == string(user.Role) {
			continue
		}
		_, err := m.cognito.AdminRemoveUserFromGroup(ctx, &cognito.AdminRemoveUserFromGroupInput{
			UserPoolId: aws.String(m.pool), Username: aws.String(cognitoName(user)), GroupName: aws.String(group),
		})
		if err != nil {
			return unavailable("leaving group", err)
		}
	}
	return nil
}

func (m *Minter) groups(ctx context.Context, user access.User) ([]string, error) {
	pages := cognito.NewAdminListGroupsForUserPaginator(m.cognito, &cognito.AdminListGroupsForUserInput{
		UserPoolId: aws.String(m.pool), Username: aws.String(cognitoName(user)),
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

func (m *Minter) joinGroup(ctx context.Context, user access.User) error {
	_, err := m.cognito.AdminAddUserToGroup(ctx, &cognito.AdminAddUserToGroupInput{
		UserPoolId: aws.String(m.pool), Username: aws.String(cognitoName(user)), GroupName: aws.String(string(user.Role)),
	})
	return wrapped("joining group", err)
}
