import { aws_ec2 as ec2, RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { logRetention } from './log-retention.ts';

export interface NetworkProps {
  /** Zones that have the wanted machines. @defaultValue two of the region's */
  readonly availabilityZones?: readonly string[];
  readonly logDays: number;
}

/**
 * A network that costs nothing while nobody uses it: public subnets, so no NAT gateway, and free gateway endpoints for
 * S3 and DynamoDB. Nothing can reach the machines in it; they reach AWS over HTTPS.
 */
export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  /** For workers: no way in, HTTPS out. */
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      ...(props.availabilityZones === undefined ? { maxAzs: 3 } : { availabilityZones: [...props.availabilityZones] }),
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: true }],
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    // CDK's own types do not know `exactOptionalPropertyTypes`.
    this.vpc = vpc as ec2.IVpc;
    const logGroup = new LogGroup(this, 'FlowLogs', {
      retention: logRetention(props.logDays),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    vpc.addFlowLog('Rejected', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup),
      trafficType: ec2.FlowLogTrafficType.REJECT,
    });
    this.securityGroup = new ec2.SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Safelight workers: no way in, HTTPS out',
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS APIs, container registry');
  }
}
