package story

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// awsConfig reaches the embedded AWS whatever the host name.
func awsConfig(ts *testscript.TestScript, provider aws.CredentialsProvider) aws.Config {
	d := of(ts)
	address := strings.TrimPrefix(d.value("aws.endpoint"), "http://")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	return aws.Config{
		Region:           d.value("aws.region"),
		BaseEndpoint:     aws.String(d.value("aws.endpoint")),
		HTTPClient:       &http.Client{Transport: transport},
		Credentials:      provider,
		RetryMaxAttempts: 1,
	}
}

func root(ts *testscript.TestScript) aws.CredentialsProvider {
	d := of(ts)
	return credentials.NewStaticCredentialsProvider(d.value("aws.accessKeyId"), d.value("aws.secretAccessKey"), "")
}

// cmdSession changes who the aws CLI is, in the environment:
//
//	session -root                     the account's root user
//	session -workload NAME            a workload itself
//	session [-workload NAME] [-no-policy] [-policy ARN] [-tag UUID|-no-tag] [-name N] UUID
//	    the base role, assumed for an organization as the cas workload does it, or
//	    with what the flags get wrong
func cmdSession(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("session", flag.ContinueOnError)
	asRoot := flags.Bool("root", false, "")
	workload := flags.String("workload", "cas", "")
	noPolicy := flags.Bool("no-policy", false, "")
	policy := flags.String("policy", "", "")
	tag := flags.String("tag", "", "")
	noTag := flags.Bool("no-tag", false, "")
	name := flags.String("name", "", "")
	ts.Check(flags.Parse(args))
	if *asRoot {
		become(ts, of(ts).value("aws.accessKeyId"), of(ts).value("aws.secretAccessKey"), "")
		return
	}
	d := of(ts)
	provider := endpointcreds.New(d.value("workloads."+*workload+".credentialsUrl"), func(o *endpointcreds.Options) {
		o.AuthorizationToken = d.value("workloads." + *workload + ".authorizationToken")
	})
	own, err := provider.Retrieve(context.Background())
	ts.Check(err)
	if flags.NArg() == 0 {
		become(ts, own.AccessKeyID, own.SecretAccessKey, own.SessionToken)
		return
	}
	org := flags.Arg(0)
	input := &sts.AssumeRoleInput{
		RoleArn:         aws.String(d.value("installation.baseRoleArn")),
		RoleSessionName: aws.String("cas-" + org),
		Tags:            []types.Tag{{Key: aws.String("org"), Value: aws.String(org)}},
		PolicyArns:      []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::" + d.value("aws.accountId") + ":policy/" + d.value("installation.sessionPolicyPrefix") + org)}},
	}
	if *name != "" {
		input.RoleSessionName = name
	}
	if *tag != "" {
		input.Tags[0].Value = tag
	}
	if *noTag {
		input.Tags = nil
	}
	if *policy != "" {
		input.PolicyArns[0].Arn = policy
	}
	if *noPolicy {
		input.PolicyArns = nil
	}
	out, err := sts.NewFromConfig(awsConfig(ts, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return own, nil }))).AssumeRole(context.Background(), input)
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	} else {
		become(ts, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	}
	if (err != nil) != neg {
		ts.Fatalf("session %v: %v", args, err)
	}
}

func become(ts *testscript.TestScript, id, secret, token string) {
	ts.Setenv("AWS_ACCESS_KEY_ID", id)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	ts.Setenv("AWS_SESSION_TOKEN", token)
}
