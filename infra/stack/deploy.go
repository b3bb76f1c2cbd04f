package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// How long a stack may take, and how soon it is looked at again. AWS takes half a
// minute, the emulator some milliseconds.
const (
	stackReady = time.Minute
	firstLook  = 10 * time.Millisecond
	longLook   = time.Second
)

// errThere says that there is a stack of the name.
var errThere = errors.New("there is one of that name")

// deploy makes a stack of a template and returns its outputs when all of it is
// there.
func deploy(ctx context.Context, cfn *cloudformation.Client, name string, template []byte, parameters map[string]string) (map[string]string, error) {
	body := string(template)
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body}
	for key, value := range parameters {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	if err := create(ctx, cfn, in); err != nil {
		return nil, fmt.Errorf("creating stack %s: %w", name, err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(cfn, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = firstLook, longLook
	})
	made, err := waiter.WaitForOutput(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, stackReady)
	if err != nil {
		return nil, fmt.Errorf("waiting for stack %s: %w", name, err)
	}
	outputs := map[string]string{}
	for _, o := range made.Stacks[0].Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	return outputs, nil
}

// create asks for a stack that is not there yet. If it is there when a lost answer
// makes the SDK ask again, it is ours.
func create(ctx context.Context, cfn *cloudformation.Client, in *cloudformation.CreateStackInput) error {
	_, err := cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: in.StackName})
	if err == nil {
		return errThere
	}
	if !absent(err) {
		return err
	}
	_, err = cfn.CreateStack(ctx, in)
	if there := (*types.AlreadyExistsException)(nil); errors.As(err, &there) {
		return nil
	}
	return err
}

// absent reports whether an error says that there is no such stack, which has no
// type of its own: AWS CloudFormation API Reference, DescribeStacks.
func absent(err error) bool {
	var refused smithy.APIError
	return errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" && strings.Contains(refused.ErrorMessage(), "does not exist")
}

// take copies outputs to where they are wanted. One that the template does not
// have is an error.
func take(outputs map[string]string, wanted map[string]*string) error {
	for name, into := range wanted {
		value, ok := outputs[name]
		if !ok || value == "" {
			return fmt.Errorf("the template has no output %s", name)
		}
		*into = value
	}
	return nil
}
