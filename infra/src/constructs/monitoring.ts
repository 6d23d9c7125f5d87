import {
  aws_cloudwatch_actions as actions,
  aws_cloudwatch as cloudwatch,
  Duration,
  aws_logs as logs,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Api } from './api.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { GpuWorkers } from './gpu-workers.ts';
import type { Jobs } from './jobs.ts';

export interface MonitoringProps {
  readonly jobs: Jobs;
  readonly api: Api;
  readonly dispatcher: Dispatcher;
  readonly workers: GpuWorkers;
  /** Where alarms go; without one they only show in the console. */
  readonly alarmEmail: string | undefined;
}

/** A job that waits longer than any cold start is stuck. */
const STUCK_AFTER = Duration.minutes(30);
const NAMESPACE = 'Safelight';

/** Alarms for what needs a person, and a dashboard for whoever wants to look. */
export class Monitoring extends Construct {
  private readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { jobs, api, dispatcher, alarmEmail } = props;
    this.topic = new sns.Topic(this, 'Alarms', { displayName: 'Safelight alarms', enforceSSL: true });
    if (alarmEmail !== undefined) this.topic.addSubscription(new subscriptions.EmailSubscription(alarmEmail));

    const period = Duration.minutes(5);
    const deadLetters = jobs.deadLetters.metricApproximateNumberOfMessagesVisible({ period });
    this.alarm('DeadLetters', deadLetters, 1, 'A job’s message could not be handled: look into the dead-letter queue.');
    const age = jobs.queue.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' });
    const stuck = 'A job has waited half an hour: look at the dispatcher’s log for why no worker came.';
    this.alarm('StuckJob', age, STUCK_AFTER.toSeconds(), stuck);
    const refused = this.countEvent('WorkerStartsRefused', dispatcher.handler.logGroup, 'worker_start_refused');
    this.alarm('StartsRefused', refused, 5, 'ECS refuses to start workers: look at the quota and at spot capacity.');
    const crashed = this.countEvent('JobsFailed', props.workers.logGroup, 'job_failed');
    this.alarm('JobsFail', crashed, 10, 'Many jobs fail: look at the worker’s log.');
    const dispatcherErrors = dispatcher.handler.metricErrors({ period });
    this.alarm('DispatcherErrors', dispatcherErrors, 3, 'The dispatcher fails: new jobs will wait.');
    const apiErrors = api.httpApi.metricServerError({ period });
    this.alarm('ApiErrors', apiErrors, 5, 'The API answers with errors of its own.');

    this.createDashboard(props, [deadLetters, age], [apiErrors, dispatcherErrors, refused, crashed]);
  }

  private countEvent(metricName: string, logGroup: logs.ILogGroup, event: string): cloudwatch.Metric {
    const filter = new logs.MetricFilter(this, metricName, {
      logGroup,
      metricNamespace: NAMESPACE,
      metricName,
      filterPattern: logs.FilterPattern.stringValue('$.event', '=', event),
    });
    return filter.metric({ statistic: 'Sum', period: Duration.minutes(5) });
  }

  /** Only while there are any: a metric that says zero all month would be paid all month. */
  private countWorkers(dispatcher: Dispatcher): cloudwatch.Metric {
    const filter = new logs.MetricFilter(this, 'WorkersSeen', {
      logGroup: dispatcher.handler.logGroup,
      metricNamespace: NAMESPACE,
      metricName: 'Workers',
      metricValue: '$.workers',
      filterPattern: logs.FilterPattern.all(
        logs.FilterPattern.stringValue('$.event', '=', 'decided'),
        logs.FilterPattern.numberValue('$.workers', '>', 0),
      ),
    });
    return filter.metric({ statistic: 'Maximum', period: Duration.minutes(1) });
  }

  private alarm(id: string, metric: cloudwatch.IMetric, threshold: number, alarmDescription: string): void {
    const alarm = new cloudwatch.Alarm(this, id, {
      metric,
      threshold,
      alarmDescription,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // An idle queue sends no metrics.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new actions.SnsAction(this.topic));
  }

  private createDashboard(props: MonitoringProps, queue: cloudwatch.IMetric[], errors: cloudwatch.IMetric[]): void {
    const { jobs, api, dispatcher } = props;
    const dashboard = new cloudwatch.Dashboard(this, 'Dashboard');
    const visible = jobs.queue.metricApproximateNumberOfMessagesVisible();
    const taken = jobs.queue.metricApproximateNumberOfMessagesNotVisible();
    const [deadLetters, age] = queue;
    dashboard.addWidgets(
      graph('Jobs waiting and in work', [visible, taken]),
      graph('Workers', [this.countWorkers(dispatcher)]),
      graph('Age of the oldest job (s)', age === undefined ? [] : [age]),
    );
    dashboard.addWidgets(
      graph('Calls', [api.httpApi.metricCount()]),
      graph('Latency of the API (ms)', [
        api.httpApi.metricLatency({ statistic: 'p50' }),
        api.httpApi.metricLatency({ statistic: 'p99' }),
      ]),
      graph('Trouble', [...errors, ...(deadLetters === undefined ? [] : [deadLetters])]),
    );
  }
}

const graph = (title: string, left: cloudwatch.IMetric[]) => new cloudwatch.GraphWidget({ title, left, width: 8 });
