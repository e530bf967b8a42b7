// The step in Go, with aws-lambda-go and the AWS SDK v2.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

type document struct {
	Request struct {
		Provider struct {
			Project     string `json:"project"`
			ServiceName string `json:"service_name"`
			SecretID    string `json:"secret_id"`
		} `json:"provider"`
	} `json:"request"`
}

type offer struct {
	Status string `json:"status"`
	State  string `json:"state"`
	Result struct {
		ServiceName string `json:"service_name"`
	} `json:"result"`
}

var secrets *secretsmanager.Client

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	secrets = secretsmanager.NewFromConfig(cfg)
	lambda.Start(look)
}

func look(ctx context.Context, in document) (*offer, error) {
	provider := in.Request.Provider
	secret, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(provider.SecretID)})
	if err != nil {
		return nil, err
	}
	var credentials struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(secret.SecretString)), &credentials); err != nil {
		return nil, err
	}

	url := fmt.Sprintf("%s/v1/project/%s/service/%s/privatelink/aws", os.Getenv("AIVEN_API_URL"), provider.Project, provider.ServiceName)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "aivenv1 "+credentials.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("Aiven answered %s", response.Status)
	}
	var service struct {
		State       string `json:"state"`
		ServiceName string `json:"aws_service_name"`
	}
	if err := json.NewDecoder(response.Body).Decode(&service); err != nil {
		return nil, err
	}

	out := &offer{Status: "pending", State: service.State}
	if service.State == "active" {
		out.Status = "ready"
		out.Result.ServiceName = service.ServiceName
	}
	return out, nil
}
