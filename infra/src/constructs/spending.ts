import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';

export interface SpendingProps {
  readonly monthlyUsd: number;
  /** Without one the budget only shows in the console. */
  readonly alarmEmail: string | undefined;
}

/** Share of the month's budget, in per cent, at which an e-mail goes out. */
const ACTUAL_THRESHOLDS = [50, 80, 100];

/**
 * A budget of the whole account: AWS can tell this stack's costs apart only after somebody has activated cost allocation
 * tags by hand, and a budget that silently counts nothing would be worse. It warns; what limits is the number of workers.
 */
export class Spending extends Construct {
  constructor(scope: Construct, id: string, { monthlyUsd, alarmEmail }: SpendingProps) {
    super(scope, id);
    const notify = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: { notificationType, threshold, comparisonOperator: 'GREATER_THAN', thresholdType: 'PERCENTAGE' },
      subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail ?? '' }],
    });
    const notifications = [...ACTUAL_THRESHOLDS.map((share) => notify('ACTUAL', share)), notify('FORECASTED', 100)];
    new CfnBudget(this, 'Budget', {
      budget: { budgetType: 'COST', timeUnit: 'MONTHLY', budgetLimit: { amount: monthlyUsd, unit: 'USD' } },
      ...(alarmEmail === undefined ? {} : { notificationsWithSubscribers: notifications }),
    });
  }
}
