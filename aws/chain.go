package aws

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	transport "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"sallyport/schema"
)

// Chain finds credentials as Amazon's tools do: in the environment, by the web identity of a pod, in the shared files, by single sign-on, by
// a program that a profile names, from the container's host, and from the machine's metadata. It reads everything anew each time, so that
// a file that changed counts.
func Chain(log *slog.Logger) Finder {
	return func(ctx context.Context, region string) (Keys, error) {
		c, err := config.LoadDefaultConfig(ctx,
			config.WithDefaultRegion(region), // that of the token service, unless the environment says another
			config.WithHTTPClient(transport.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })),
			config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
				log.Debug("looking for credentials for AWS", "said", fmt.Sprintf(format, v...))
			})))
		if err != nil {
			return Keys{}, err
		}
		got, err := c.Credentials.Retrieve(ctx)
		if err != nil {
			return Keys{}, err
		}
		k := Keys{ID: schema.NewSecret(got.AccessKeyID), Secret: schema.NewSecret(got.SecretAccessKey), Session: schema.NewSecret(got.SessionToken), From: got.Source}
		if got.CanExpire {
			k.Until = got.Expires
		}
		return k, nil
	}
}
