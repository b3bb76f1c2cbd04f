package stack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"portcullis/infra/faults"
	"portcullis/infra/stack"
	"portcullis/internal/lockouttest"
)

// A stack whose making was answered to nobody is there when the SDK asks again.
// The one that somebody else made is not ours.
func TestAStackIsMadeThoughTheAnswerIsLost(t *testing.T) {
	config := lockouttest.AWS(t)
	proxy, err := faults.Start(*config.BaseEndpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	config.BaseEndpoint = aws.String(proxy.URL())
	template, err := os.ReadFile(filepath.Join("..", "storage.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Inject(faults.Once(faults.Always(faults.Lose))) // the first try of every call
	cfn, name := cloudformation.NewFromConfig(config), "test-"+lockouttest.IDs()()
	if _, err := stack.DeployStorage(t.Context(), cfn, template, name); err != nil {
		t.Fatal(err)
	}
	if _, err := stack.DeployStorage(t.Context(), cfn, template, name); err == nil {
		t.Error("a stack that was there was taken for a new one")
	}
}
