import { OBJECT_PREFIX, TABLES } from '@safelight/function/aws/environment';
import { Duration, aws_dynamodb as dynamodb, RemovalPolicy, aws_s3 as s3 } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { createBucket } from './bucket.ts';

export interface StorageProps {
  /** After so many days pictures are deleted. */
  readonly imageDays: number;
  readonly uploadDays: number;
  /** Web pages that may fetch pictures and send uploads by their signed URLs. */
  readonly corsOrigins: readonly string[];
}

export type TableName = keyof typeof TABLES;

/** Everything that is kept: pictures and uploads, models, job records, keys, counters. `destroy` removes it all. */
export class Storage extends Construct {
  readonly images: s3.Bucket;
  readonly models: s3.Bucket;
  readonly tables: Readonly<Record<TableName, dynamodb.TableV2>>;

  constructor(scope: Construct, id: string, props: StorageProps) {
    super(scope, id);
    this.images = createBucket(this, 'Images', {
      lifecycleRules: [
        { id: 'images', prefix: OBJECT_PREFIX.images, expiration: Duration.days(props.imageDays) },
        { id: 'uploads', prefix: OBJECT_PREFIX.uploads, expiration: Duration.days(props.uploadDays) },
      ],
      ...(props.corsOrigins.length === 0 ? {} : { cors: [corsRule(props.corsOrigins)] }),
    });
    this.models = createBucket(this, 'Models');
    this.tables = {
      jobs: createTable(this, 'jobs', { dynamoStream: dynamodb.StreamViewType.KEYS_ONLY }),
      keys: createTable(this, 'keys'),
      limits: createTable(this, 'limits'),
      fleet: createTable(this, 'fleet'),
    };
  }
}

function corsRule(allowedOrigins: readonly string[]): s3.CorsRule {
  const allowedMethods = [s3.HttpMethods.GET, s3.HttpMethods.HEAD, s3.HttpMethods.PUT];
  return { allowedOrigins: [...allowedOrigins], allowedMethods, allowedHeaders: ['*'], maxAge: 3600 };
}

/** A table as the code expects it: on demand, so an idle one costs only what it stores. */
function createTable(scope: Construct, name: TableName, props: Partial<dynamodb.TablePropsV2> = {}): dynamodb.TableV2 {
  const schema: TableSchema = TABLES[name];
  const { sortKey, timeToLiveAttribute, indexes } = schema;
  return new dynamodb.TableV2(scope, `${name[0]?.toUpperCase()}${name.slice(1)}Table`, {
    partitionKey: attribute(schema.partitionKey),
    ...(sortKey === undefined ? {} : { sortKey: attribute(sortKey) }),
    ...(timeToLiveAttribute === undefined ? {} : { timeToLiveAttribute }),
    globalSecondaryIndexes: Object.entries(indexes).map(([indexName, index]) => ({
      indexName,
      partitionKey: attribute(index.partitionKey),
      sortKey: attribute(index.sortKey),
      ...(index.include.length === 0
        ? { projectionType: dynamodb.ProjectionType.KEYS_ONLY }
        : { projectionType: dynamodb.ProjectionType.INCLUDE, nonKeyAttributes: [...index.include] }),
    })),
    billing: dynamodb.Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy: RemovalPolicy.DESTROY,
    ...props,
  });
}

type Key = { readonly name: string; readonly type: 'S' | 'N' };

interface TableSchema {
  readonly partitionKey: Key;
  readonly sortKey?: Key;
  readonly timeToLiveAttribute?: string;
  readonly indexes: Readonly<Record<string, { partitionKey: Key; sortKey: Key; include: readonly string[] }>>;
}

function attribute({ name, type }: Key): dynamodb.Attribute {
  return { name, type: type === 'S' ? dynamodb.AttributeType.STRING : dynamodb.AttributeType.NUMBER };
}
