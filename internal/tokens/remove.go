package tokens

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"portcullis/internal/access"
)

// Remove takes the user out of the pool, and their sessions with them. One who
// is not there is no error, so it may be run again. It goes by the name: called
// when the name has been given to somebody new, it removes them. Errors wrap
// [lockout.ErrUnavailable].
func (e *Enroller) Remove(ctx context.Context, user access.User) error {
	_, err := e.cognito.AdminDeleteUser(ctx, &cognito.AdminDeleteUserInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)),
	})
	if notThere(err) {
		return nil
	}
	return wrapped("removing user from the pool", err)
}

// SignOut has Cognito end all sessions of the user. It is the second lock on
// that door: a refresh token whose mark is not the user's renews nothing,
// whatever Cognito says of it. One who is not in the pool is no error. Errors
// wrap [lockout.ErrUnavailable].
func (e *Enroller) SignOut(ctx context.Context, user access.User) error {
	_, err := e.cognito.AdminUserGlobalSignOut(ctx, &cognito.AdminUserGlobalSignOutInput{
		UserPoolId: aws.String(e.pool), Username: aws.String(cognitoName(user)),
	})
	if notThere(err) {
		return nil
	}
	return wrapped("signing user out", err)
}

// notThere reports whether the pool says that it has no such user.
func notThere(err error) bool {
	var notFound *types.UserNotFoundException
	return errors.As(err, &notFound)
}
