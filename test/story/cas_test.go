package story

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// cmdCAS speaks to the servers as a client of somebody else's making would:
//
//	cas token [-role uploader|downloader] [-digest D] [-expired|-forged] ORG
//	    fetches a CAS token and sets CAS_TOKEN; -expired and -forged make their own
//	cas write [-digest HEX] [-name FILENAME] [-raw RESOURCENAME] [-half-close] FILE
//	    uploads FILE over ByteStream with CAS_TOKEN, under its own digest unless told
//	    another; -half-close ends the stream without saying that all was sent
//	cas read HEX
//	    downloads over ByteStream and prints
//
// "! cas" demands a failure, and prints "Code: message" on stderr.
func cmdCAS(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: cas token|write|read …")
	}
	_, _ = ts.Stdout(), ts.Stderr() // else those of the command before would stay
	var err error
	switch args[0] {
	case "token":
		err = casToken(ts, args[1:])
	case "write":
		err = casWrite(ts, args[1:])
	case "read":
		err = casRead(ts, args[1:])
	default:
		ts.Fatalf("unknown: cas %s", args[0])
	}
	if err != nil {
		s := status.Convert(err)
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", s.Code(), s.Message())
	}
	if (err != nil) != neg {
		ts.Fatalf("cas %v: %v", args, err)
	}
}

func dial(ts *testscript.TestScript, path string) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+of(ts).value(path), grpc.WithTransportCredentials(insecure.NewCredentials()))
	ts.Check(err)
	return conn
}

func casToken(ts *testscript.TestScript, args []string) error {
	flags := flag.NewFlagSet("cas token", flag.ContinueOnError)
	role := flags.String("role", "uploader", "")
	digest := flags.String("digest", "", "")
	expired := flags.Bool("expired", false, "")
	forged := flags.Bool("forged", false, "")
	ts.Check(flags.Parse(args))
	if *expired || *forged {
		ts.Setenv("CAS_TOKEN", counterfeit(ts, *expired))
		return nil
	}
	conn := dial(ts, "controlplane.grpc")
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(),
		"authorization", "Bearer "+ts.Getenv("CHAINLOOP_TOKEN"), "chainloop-organization", flags.Arg(0))
	req := &controlplanev1.CASCredentialsServiceGetRequest{Role: controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, Digest: *digest}
	if *role == "downloader" {
		req.Role = controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER
	}
	answer, err := controlplanev1.NewCASCredentialsServiceClient(conn).Get(ctx, req)
	if err != nil {
		return err
	}
	ts.Setenv("CAS_TOKEN", answer.GetResult().GetToken())
	return nil
}

// counterfeit takes the claims of CAS_TOKEN and signs them again: with the server's own
// key but a time in the past, or with a key of its own.
func counterfeit(ts *testscript.TestScript, expired bool) string {
	parsed, err := jwt.ParseSigned(ts.Getenv("CAS_TOKEN"), []jose.SignatureAlgorithm{jose.ES256})
	ts.Check(err)
	claims := map[string]any{}
	ts.Check(parsed.UnsafeClaimsWithoutVerification(&claims))
	for name, value := range claims {
		if number, ok := value.(float64); ok {
			claims[name] = int64(number) // go-jose would write 5.3e+09, which is no integer
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	if expired {
		key = serverKey(ts)
		claims["iat"], claims["nbf"] = time.Now().Add(-time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
		claims["exp"] = time.Now().Add(-30 * time.Minute).Unix()
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", parsed.Headers[0].KeyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	ts.Check(err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	ts.Check(err)
	return text
}

func withToken(ts *testscript.TestScript) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+ts.Getenv("CAS_TOKEN")), cancel
}

func casWrite(ts *testscript.TestScript, args []string) error {
	flags := flag.NewFlagSet("cas write", flag.ContinueOnError)
	digest := flags.String("digest", "", "")
	name := flags.String("name", "file.bin", "")
	raw := flags.String("raw", "", "")
	halfClose := flags.Bool("half-close", false, "")
	ts.Check(flags.Parse(args))
	content := []byte(ts.ReadFile(flags.Arg(0)))
	resource := *raw
	if *digest == "" {
		sum := sha256.Sum256(content)
		*digest = hex.EncodeToString(sum[:])
	}
	if resource == "" {
		resource = gobName(ts, *digest, *name)
	}
	conn := dial(ts, "cas.grpc")
	defer conn.Close()
	ctx, cancel := withToken(ts)
	defer cancel()
	stream, err := bytestream.NewByteStreamClient(conn).Write(ctx)
	if err != nil {
		return err
	}
	for len(content) > 0 && err == nil {
		n := min(len(content), 1<<20)
		err = stream.Send(&bytestream.WriteRequest{ResourceName: resource, Data: content[:n]})
		content = content[n:]
	}
	if err == nil && !*halfClose {
		err = stream.Send(&bytestream.WriteRequest{ResourceName: resource, FinishWrite: true})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	answer, err := stream.CloseAndRecv()
	if err == nil {
		fmt.Fprintf(ts.Stdout(), "committed %d\n", answer.GetCommittedSize())
	}
	return err
}

// gobName is the resource name of the stock client. \n in a story's argument stands for
// a newline.
func gobName(ts *testscript.TestScript, digest, name string) string {
	type CASResource struct {
		FileName string
		Digest   string
		Size     int64
	}
	var out bytes.Buffer
	name = string(bytes.ReplaceAll([]byte(name), []byte(`\n`), []byte("\n")))
	ts.Check(gob.NewEncoder(&out).Encode(&CASResource{FileName: name, Digest: digest}))
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func casRead(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		ts.Fatalf("usage: cas read HEX")
	}
	conn := dial(ts, "cas.grpc")
	defer conn.Close()
	ctx, cancel := withToken(ts)
	defer cancel()
	stream, err := bytestream.NewByteStreamClient(conn).Read(ctx, &bytestream.ReadRequest{ResourceName: args[0]})
	if err != nil {
		return err
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = ts.Stdout().Write(m.GetData())
	}
}
