package stack

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Tables are the names of the three tables.
type Tables struct {
	Attempts, Users, Audit string
}

// Names returns the tables' names.
func (t Tables) Names() []string { return []string{t.Attempts, t.Users, t.Audit} }

// DeployStorage makes the tables of infra/storage.yaml, which is the template, as
// a stack of the name, and returns when they can be used.
func DeployStorage(ctx context.Context, cfn *cloudformation.Client, template []byte, name string) (Tables, error) {
	outputs, err := deploy(ctx, cfn, name, template, nil)
	if err != nil {
		return Tables{}, err
	}
	var tables Tables
	err = take(outputs, map[string]*string{
		"AttemptsTable": &tables.Attempts, "UsersTable": &tables.Users, "AuditTable": &tables.Audit,
	})
	return tables, err
}
