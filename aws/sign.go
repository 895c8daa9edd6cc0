package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sallyport/wire"
)

// A signer remembers the keys that it derives, by the id of the access key alone: other credentials need another one, also when only the secret
// is another. Many may use it at once.
type signer struct{ *v4.Signer }

func newSigner() *signer { return &signer{v4.NewSigner()} }

// signedFields are what a signature adds.
var signedFields = [...]string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}

// Sign signs a call to a service, such as "lambda", whose body is given: all of its fields as they are now, but those that are changed on the
// way. Its target has to be encoded as it is sent.
func (c *Credentials) Sign(call *wire.Call, body []byte, service string) error {
	now, err := c.known()
	if err != nil {
		return err
	}
	path, query, _ := strings.Cut(call.Target, "?")
	r := &http.Request{
		Method: call.Method, Host: call.Host, ContentLength: int64(len(body)), Header: http.Header{},
		URL: &url.URL{Scheme: "https", Host: call.Host, Opaque: "//" + call.Host + path, RawQuery: query},
	}
	for name, value := range call.Header.All() {
		r.Header.Add(name, value)
	}
	sum := sha256.Sum256(body)
	keys := now.keys
	credentials := sdk.Credentials{AccessKeyID: keys.ID.Reveal(), SecretAccessKey: keys.Secret.Reveal(), SessionToken: keys.Session.Reveal()}
	if err := now.signer.SignHTTP(context.Background(), credentials, r, hex.EncodeToString(sum[:]), service, c.region, time.Now()); err != nil {
		return err
	}
	for _, name := range signedFields {
		if value := r.Header.Get(name); value != "" {
			call.Header.Set(name, value)
		}
	}
	return nil
}
