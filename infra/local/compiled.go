package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/access"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/environ"
	"portcullis/internal/policy"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// The functions that no route of the API names.
const (
	authorizerFunction = "authorizer"
	provisionFunction  = "provision-client"
)

// compiled is the backend of the compiled functions.
type compiled map[string]*pool

// newCompiled finds the functions in a folder, each as NAME/bootstrap. It
// starts none of them. They are told what this process was told, and more.
func newCompiled(dir string, processes int, log io.Writer, more ...string) (compiled, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("-functions %s is not a folder; make functions makes .build/functions", dir)
	}
	names := []string{authorizerFunction, provisionFunction}
	for _, route := range slices.Concat(access.Routes(), access.ConsoleRoutes()) {
		names = append(names, route.Function)
	}
	functions := make(compiled)
	var missing []string
	for _, name := range names {
		if functions[name] != nil {
			continue
		}
		bootstrap, err := filepath.Abs(bootstrapOf(dir, name))
		if err != nil {
			return nil, fmt.Errorf("-functions: %w", err)
		}
		if !isProgram(bootstrap) {
			missing = append(missing, filepath.Join(name, "bootstrap"))
		}
		functions[name] = newPool(name, bootstrap, processes, functionTime, log)
		functions[name].environment = more
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("-functions %s lacks %s; run make functions", dir, strings.Join(missing, ", "))
	}
	return functions, nil
}

// bootstrapOf returns where a function is: in the folder of its name, as make
// functions leaves it, or in that of its logical id, as sam build does.
func bootstrapOf(dir, name string) string {
	own := filepath.Join(dir, name, "bootstrap")
	if bySAM := filepath.Join(dir, logicalID(name), "bootstrap"); !isProgram(own) && isProgram(bySAM) {
		return bySAM
	}
	return own
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// logicalID is what template.yaml calls a function: RefreshTokenFunction.
func logicalID(name string) string {
	id := ""
	for word := range strings.SplitSeq(name, "-") {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id + "Function"
}

func (c compiled) Authorize(
	ctx context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest,
) (answer events.APIGatewayCustomAuthorizerResponse, err error) {
	return answer, c.call(ctx, authorizerFunction, event, &answer)
}

func (c compiled) Handle(
	ctx context.Context, route access.Route, event events.APIGatewayProxyRequest,
) (answer events.APIGatewayProxyResponse, err error) {
	return answer, c.call(ctx, route.Function, event, &answer)
}

// call invokes a function with an event and decodes its answer.
func (c compiled) call(ctx context.Context, function string, event, answer any) error {
	payload, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	text, err := c[function].invoke(ctx, payload)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("decoding an answer of function %s: %w", function, err)
	}
	return nil
}

// close ends every process.
func (c compiled) close() error {
	for _, f := range c {
		f.stop()
	}
	return nil
}

// openCompiled finds the functions and the stores that the environment names.
func (s *settings) openCompiled(output io.Writer) (world, error) {
	if s.level == logOff {
		output = io.Discard
	}
	functions, err := newCompiled(s.functions, s.processes, sieve{output, s.level}, s.environment()...)
	if err != nil {
		return world{}, err
	}
	for _, f := range functions {
		f.timeout, f.cold = s.timeout, s.cold
	}
	stores, err := environ.Parse[stores](append(os.Environ(), s.environment()...))
	if err != nil {
		return world{}, fmt.Errorf("-functions needs the functions' environment, which make run-functions sets: %w", err)
	}
	return world{
		backend: functions,
		origins: stores.Origins,
		where:   "The data is in the stores that the environment names; make run-functions begins anew every time.",
		demo:    func(ctx context.Context) (guests, error) { return s.provision(ctx, functions, stores) },
		close:   functions.close,
	}, nil
}

// environment is what the flags say in the functions' own words.
func (s *settings) environment() []string {
	var said []string
	if len(s.origins) > 0 {
		said = append(said, "PORTCULLIS_ALLOWED_ORIGINS="+strings.Join(s.origins, ","))
	}
	if s.timeout != functionTime {
		said = append(said, "PORTCULLIS_ATTEMPT_LIFETIME="+s.timeout.String())
	}
	return said
}

// stores is what the demo client's other users are made with: nobody is logged
// in yet who could make them by the API.
type stores struct {
	environ.AWS
	Issuer   environ.Issuer
	Stage    environ.Stage     `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Attempts environ.Table     `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users    environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit    environ.Table     `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Secret   environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
	Origins  environ.Origins   `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

// provision makes the demo client through its function, and then the other
// users. When the stores have that client from before, whose passwords nobody
// knows, it makes one with a name of its own.
func (s *settings) provision(ctx context.Context, functions compiled, in stores) (guests, error) {
	first, err := provisionClient(ctx, functions, demo)
	if err == nil && first.Password == "" {
		first, err = provisionClient(ctx, functions, demo+"-"+strings.ToLower(rand.Text()[:groupSize]))
	}
	if err != nil {
		return guests{}, err
	}
	settings := in.AWS.Config()
	db, parameters := dynamodb.NewFromConfig(settings), ssm.NewFromConfig(settings)
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 0)
	trail := audit.New(db, string(in.Audit))
	d := &directory.Directory{
		Users: users.New(db, string(in.Users), hasher, trail),
		Tokens: tokens.NewMinter(cognitoidentityprovider.NewFromConfig(settings), parameters,
			string(in.Issuer.UserPoolID), string(in.Issuer.AppClientID), string(in.Secret), time.Now),
		Attempts: attempts.New(db, string(in.Attempts), trail, environ.Clock{}, environ.Jitter),
		Hasher:   hasher, Now: time.Now, NewID: environ.NewID,
	}
	rest, err := addOthers(ctx, d, first.Client)
	if err != nil {
		return guests{}, err
	}
	maximum, err := s.setMaximum(ctx, policy.New(parameters, string(in.Stage)), trail, first.Client)
	return guests{append([]person{first}, rest...), maximum}, err
}

// provisionClient invokes the function that makes clients. The password is
// empty if the client was there.
func provisionClient(ctx context.Context, functions compiled, client string) (person, error) {
	first := firstUser()
	order := map[string]string{
		"client": client, "username": first.Username, "name": first.Name, "email": first.Email, "by": "infra/local",
	}
	made := person{Role: first.Role}
	if err := functions.call(ctx, provisionFunction, order, &made); err != nil {
		return person{}, fmt.Errorf("provisioning client %s: %w", client, err)
	}
	return made, nil
}
