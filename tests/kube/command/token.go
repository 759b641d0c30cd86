package command

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"

	"clustr/kube/kubeconfig"
	"clustr/kube/layout"
	"clustr/kube/nodes"
	"clustr/kube/token"
)

const tokenUsage = `USAGE:
   k3s token create [--ttl 24h] [--description TEXT]   Create bootstrap tokens for agents
   k3s token list                                      List bootstrap tokens
   k3s token delete ID...                              Delete bootstrap tokens
   k3s token generate                                  Print a random token, without creating it
   k3s token rotate                                    (not in this build)
`

// Token is `k3s token`.
func Token(args []string) error {
	if len(args) == 0 {
		fmt.Print(tokenUsage)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch args[0] {
	case "create":
		return createToken(ctx, args[1:])
	case "list", "ls":
		return listTokens(ctx)
	case "delete":
		return deleteTokens(ctx, args[1:])
	case "generate":
		text, err := token.Random(11)
		if err == nil {
			fmt.Println(text[:6] + "." + text[6:22])
		}
		return err
	case "rotate":
		return fmt.Errorf("token rotate: not in this build")
	default:
		fmt.Print(tokenUsage)
		return nil
	}
}

func admin() (*kubernetes.Clientset, error) {
	client, _, err := kubeconfig.Client(dataDir().Cred("admin.kubeconfig"), "k3s-token")
	return client, err
}

func createToken(ctx context.Context, args []string) error {
	set := pflag.NewFlagSet("token create", pflag.ContinueOnError)
	ttl := set.Duration("ttl", 24*time.Hour, "The duration before the token is automatically deleted; 0: never")
	description := set.String("description", "", "A human friendly description of how this token is used")
	if err := set.Parse(args); err != nil {
		return err
	}
	client, err := admin()
	if err != nil {
		return err
	}
	created, err := nodes.CreateBootstrapToken(ctx, client, *ttl, *description)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(layout.Dir(dataDir()).TLS("server-ca.crt"))
	if err != nil {
		return err
	}
	fmt.Println(token.FormatBootstrap(ca, created.ID+"."+created.Secret))
	return nil
}

func listTokens(ctx context.Context) error {
	client, err := admin()
	if err != nil {
		return err
	}
	all, err := nodes.BootstrapTokens(ctx, client)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 10, 4, 3, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "TOKEN\tTTL\tEXPIRES\tDESCRIPTION\n")
	for _, t := range all {
		ttl, expires := "<forever>", "<never>"
		if !t.Expires.IsZero() {
			ttl, expires = time.Until(t.Expires).Round(time.Second).String(), t.Expires.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", t.ID, ttl, expires, t.Description)
	}
	return nil
}

func deleteTokens(ctx context.Context, ids []string) error {
	client, err := admin()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := nodes.DeleteBootstrapToken(ctx, client, id); err != nil {
			return err
		}
		fmt.Printf("bootstrap token %q deleted\n", id)
	}
	return nil
}
